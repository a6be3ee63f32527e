/**
 * What this tab knows of people: names, pictures, and who has an open socket now.
 *
 * Presence is a state: the newest version per person wins, and a list fetched later than an event never undoes it.
 */
import type { PersonRef, PresenceState, UserId, UserSummary } from '@tidings/client';
import { createContext } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';

interface Presence {
	online: boolean;
	version: number;
}

export class People {
	readonly meId: UserId;
	readonly #imageUrl: (id: UserId) => string;
	#names = new SvelteMap<UserId, PersonRef>();
	#presence = new SvelteMap<UserId, Presence>();
	/** How often a person's picture changed since the page was opened: makes the browser fetch it again. */
	#pictures = new SvelteMap<UserId, number>();
	#heardDuringLoad: Set<UserId> | null = null;

	constructor(me: UserSummary, imageUrl: (id: UserId) => string) {
		this.meId = me.id;
		this.#imageUrl = imageUrl;
		this.#names.set(me.id, { id: me.id, name: me.name, role: me.role });
	}

	/** The newest name of a person; `fallback` for one nobody has told us of. */
	name(id: UserId, fallback = 'Someone'): string {
		return this.#names.get(id)?.name ?? fallback;
	}

	image(id: UserId): string {
		const version = this.#pictures.get(id);
		return version === undefined ? this.#imageUrl(id) : `${this.#imageUrl(id)}?v=${version}`;
	}

	isOnline(id: UserId): boolean {
		return this.#presence.get(id)?.online ?? false;
	}

	/** Takes names from a list or a message, unless an event has told us a newer one. */
	remember(people: readonly (PersonRef | null | undefined)[]): void {
		for (const person of people) {
			if (person && person.name !== '' && !this.#names.has(person.id)) this.#names.set(person.id, person);
		}
	}

	changed(user: UserSummary): void {
		this.#names.set(user.id, { id: user.id, name: user.name, role: user.role });
		this.#pictures.set(user.id, (this.#pictures.get(user.id) ?? 0) + 1);
	}

	presence(state: PresenceState): void {
		this.#heardDuringLoad?.add(state.user_id);
		const held = this.#presence.get(state.user_id);
		if (held && held.version > state.version) return;
		this.#presence.set(state.user_id, { online: state.online, version: state.version });
	}

	/** Replaces who is online by the server's list; what was heard while it was under way stays. */
	async loadOnline(fetch: () => Promise<UserId[]>): Promise<void> {
		const heard = new Set<UserId>();
		this.#heardDuringLoad = heard;
		let online: Set<UserId>;
		try {
			online = new Set(await fetch());
		} finally {
			if (this.#heardDuringLoad === heard) this.#heardDuringLoad = null;
		}
		for (const [id, state] of [...this.#presence]) {
			if (!heard.has(id) && state.online !== online.has(id))
				this.#presence.set(id, { ...state, online: online.has(id) });
		}
		for (const id of online) {
			if (!heard.has(id) && !this.#presence.has(id)) this.#presence.set(id, { online: true, version: 0 });
		}
	}
}

export const [getPeople, setPeople] = createContext<People>();
