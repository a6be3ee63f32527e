/**
 * A browser with several tabs over one store, and a server that does commands once: for the tests of the outbox.
 */
import { Outbox } from '../src/outbox/outbox.ts';
import type { Outcome } from '../src/outbox/machine.ts';
import type { Row } from '../src/outbox/row.ts';
import type { Ran, Sender } from '../src/outbox/send.ts';
import { MemoryStore } from '../src/outbox/store.ts';
import type { TabMessage, Tabs } from '../src/outbox/tabs.ts';
import type { SimClock } from './world.ts';

/** The lock and the channel that tabs share. */
export class SimBrowser {
	readonly clock: SimClock;
	store = new MemoryStore();
	tabs = new Set<SimTab>();
	#queue: (() => void)[] = [];
	#holder: SimTab | null = null;
	/** Whether two tabs were ever alone at the same time. */
	wasCrowded = false;
	/** Lets everybody in at once, for the test of the tests. */
	isOpen = false;

	constructor(clock: SimClock) {
		this.clock = clock;
	}

	take(tab: SimTab): Promise<void> {
		return new Promise((resolve) => {
			this.#queue.push(() => {
				if (this.#holder !== null) this.wasCrowded = true;
				this.#holder = tab;
				resolve();
			});
			this.#pass();
		});
	}

	give(tab: SimTab): void {
		if (this.#holder === tab) this.#holder = null;
		this.#pass();
	}

	#pass(): void {
		if (this.#holder === null || this.isOpen) this.#queue.shift()?.();
	}
}

export class SimTab implements Tabs {
	readonly isSure = true;
	readonly browser: SimBrowser;
	isCrashed = false;
	#told: (message: TabMessage) => void = () => {};

	constructor(browser: SimBrowser) {
		this.browser = browser;
		browser.tabs.add(this);
	}

	async alone(run: () => Promise<void>): Promise<void> {
		const never = new Promise<void>(() => {});
		await this.browser.take(this);
		try {
			if (!this.isCrashed) await Promise.race([run(), this.#crash]);
		} finally {
			this.browser.give(this);
		}
		if (this.isCrashed) await never;
	}

	post(message: TabMessage): void {
		if (this.isCrashed) return;
		const copy = structuredClone(message);
		for (const tab of this.browser.tabs) {
			if (tab !== this) this.browser.clock.after(1, () => tab.isCrashed || tab.#told(copy));
		}
	}

	listen(told: (message: TabMessage) => void): void {
		this.#told = told;
	}

	close(): void {
		this.browser.tabs.delete(this);
	}

	#end: () => void = () => {};
	readonly #crash = new Promise<void>((resolve) => (this.#end = resolve));

	/** The tab is gone in the middle of what it does: the lock is free, and nothing of it runs on. */
	crash(): void {
		this.isCrashed = true;
		this.browser.tabs.delete(this);
		this.#end();
	}
}

/** Does each command once, in the order of arrival, or answers as it is told. */
export class SimSender implements Sender {
	readonly #clock: SimClock;
	readonly #random: () => number;
	/** Ids in the order in which they happened. */
	readonly done: string[] = [];
	/** How often each was sent. */
	readonly sent = new Map<string, number>();
	mode: 'well' | 'silent' | 'answers-lost' | 'busy' | 'full' | 'signed-out' = 'well';
	/** Kinds that are refused. */
	refused = new Set<string>();
	/** A server that does what it is told as often as it is told, for the test of the tests. */
	isForgetful = false;
	knownSince = 0;
	asked: string[] = [];
	flights = 0;

	constructor(clock: SimClock, random: () => number) {
		this.#clock = clock;
		this.#random = random;
	}

	async send(row: Row, _token: string, signal: AbortSignal): Promise<Outcome> {
		this.sent.set(row.id, (this.sent.get(row.id) ?? 0) + 1);
		this.flights += 1;
		try {
			await this.#takes(signal);
			const answer = this.#answer(row);
			await this.#takes(signal);
			return answer;
		} finally {
			this.flights -= 1;
		}
	}

	async ask(row: Row): Promise<Ran> {
		this.asked.push(row.id);
		if (this.done.includes(row.id)) return { kind: 'ran', answer: { id: row.id } };
		return (row.firstSentAt ?? 0) >= this.knownSince ? { kind: 'not' } : { kind: 'unknown' };
	}

	#answer(row: Row): Outcome {
		const silent: Outcome = { kind: 'later', met: 'server', reason: 'silence', status: null, afterMs: null };
		switch (this.mode) {
			case 'silent':
				return silent;
			case 'busy':
				return { kind: 'later', met: 'server', reason: 'busy', status: 503, afterMs: 1_000 };
			case 'full':
				return { kind: 'later', met: 'space', reason: 'full', status: 507, afterMs: null };
			case 'signed-out':
				return { kind: 'sign-in' };
			case 'answers-lost':
			case 'well':
				if (this.refused.has(row.kind)) {
					return { kind: 'refused', reason: 'No.', code: 'forbidden', status: 403, retryable: true };
				}
				if (this.isForgetful || !this.done.includes(row.id)) this.done.push(row.id);
				return this.mode === 'well' ? { kind: 'done', answer: { id: row.id } } : silent;
			default:
				return this.mode satisfies never;
		}
	}

	#takes(signal: AbortSignal): Promise<void> {
		return new Promise((resolve) => {
			const over = () => {
				cancel();
				signal.removeEventListener('abort', over);
				resolve();
			};
			const cancel = this.#clock.after(1 + this.#random() * 200, over);
			signal.addEventListener('abort', over);
		});
	}
}

/** A tab's outbox. */
export function openTab(
	browser: SimBrowser,
	sender: Sender,
	random: () => number,
	more: { person?: string; token?: () => string | null; limits?: { count?: number; bytes?: number } } = {},
): { tab: SimTab; outbox: Outbox } {
	const tab = new SimTab(browser);
	const outbox = new Outbox({
		person: more.person ?? null,
		token: more.token ?? (() => 'token'),
		store: new Torn(browser.store, tab),
		tabs: tab,
		sender,
		clock: browser.clock,
		chance: random,
		limits: more.limits,
	});
	return { tab, outbox };
}

/** The store as a tab sees it: nothing reaches it after the tab crashed. */
class Torn extends MemoryStore {
	override readonly isKept = true;
	readonly #store: MemoryStore;
	readonly #tab: SimTab;

	constructor(store: MemoryStore, tab: SimTab) {
		super();
		this.#store = store;
		this.#tab = tab;
	}

	override read(): Promise<unknown[]> {
		return this.#tab.isCrashed ? new Promise(() => {}) : this.#store.read();
	}

	override change<T>(decide: Parameters<MemoryStore['change']>[0]): Promise<T> {
		return this.#tab.isCrashed ? new Promise(() => {}) : (this.#store.change(decide) as Promise<T>);
	}

	override clear(): Promise<void> {
		return this.#tab.isCrashed ? new Promise(() => {}) : this.#store.clear();
	}
}
