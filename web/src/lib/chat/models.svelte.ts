/** The models that this person may ask, and the one chosen last in this tab. */
import type { Api, Model } from '@tidings/client';

export class Models {
	readonly #api: Pick<Api, 'models'>;
	#all = $state.raw<Model[]>([]);
	#state = $state<'loading' | 'ready' | 'failed'>('loading');
	#chosenId = $state<string | null>(null);

	constructor(api: Pick<Api, 'models'>) {
		this.#api = api;
	}

	get all(): readonly Model[] {
		return this.#all;
	}
	get state() {
		return this.#state;
	}

	get chosen(): Model | undefined {
		return this.#all.find((model) => model.id === this.#chosenId) ?? this.#all[0];
	}

	byId(id: string | null | undefined): Model | undefined {
		return this.#all.find((model) => model.id === id);
	}

	choose(id: string): void {
		this.#chosenId = id;
	}

	async load(): Promise<void> {
		try {
			this.#all = await this.#api.models();
			this.#state = 'ready';
		} catch {
			if (this.#state !== 'ready') this.#state = 'failed';
		}
	}
}

/** The built-in model that answers when no real one is set up. */
export function isDemo(model: Model): boolean {
	return model.owned_by === 'demo' || model.owned_by === 'tidings' || /^(tidings[-_ ]?)?demo\b/i.test(model.id);
}
