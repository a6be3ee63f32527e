/**
 * What tabs of one browser say to each other about a person's commands, and who of them sends.
 *
 * Web Locks exist on secure origins only. Without them two tabs may send the same command; the server does it once.
 */

export type TabMessage =
	/** Look at the store again. */
	| { type: 'changed' }
	/** This one was done; with its row, because it is gone from the store. */
	| { type: 'sent'; row: unknown; answer: unknown }
	/** The person signed out: everything is forgotten. */
	| { type: 'cleared' };

export interface Tabs {
	/** Whether `alone` keeps its word over all tabs. */
	readonly isSure: boolean;
	/** Runs while no other tab runs its own. */
	alone(run: () => Promise<void>): Promise<void>;
	post(message: TabMessage): void;
	listen(told: (message: TabMessage) => void): void;
	close(): void;
}

/** For Node, and wherever there is one tab. */
export class OneTab implements Tabs {
	readonly isSure = true;
	alone(run: () => Promise<void>): Promise<void> {
		return run();
	}
	post(): void {}
	listen(): void {}
	close(): void {}
}

export class BrowserTabs implements Tabs {
	readonly isSure: boolean;
	readonly #name: string;
	readonly #channel: BroadcastChannel;

	constructor(name: string) {
		this.#name = name;
		this.#channel = new BroadcastChannel(name);
		this.isSure = typeof navigator !== 'undefined' && navigator.locks !== undefined;
	}

	async alone(run: () => Promise<void>): Promise<void> {
		if (this.isSure) await navigator.locks.request(this.#name, run);
		else await run();
	}

	post(message: TabMessage): void {
		this.#channel.postMessage(message);
	}

	listen(told: (message: TabMessage) => void): void {
		this.#channel.onmessage = (event: MessageEvent<TabMessage>) => told(event.data);
	}

	close(): void {
		this.#channel.close();
	}
}
