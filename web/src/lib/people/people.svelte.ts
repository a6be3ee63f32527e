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
	readonly #pictureOf: (id: UserId) => Promise<string | null>;
	#names = new SvelteMap<UserId, PersonRef>();
	#presence = new SvelteMap<UserId, Presence>();
	/** Addresses of pictures; null for those who have initials only. */
	#pictures = new SvelteMap<UserId, string | null>();
	#asked = new Set<UserId>();
	#heardDuringLoad: Set<UserId> | null = null;

	/** `pictureOf` finds out whether somebody has a picture of their own, and where. */
	constructor(me: UserSummary, pictureOf: (id: UserId) => Promise<string | null>) {
		this.meId = me.id;
		this.#pictureOf = pictureOf;
		this.#names.set(me.id, { id: me.id, name: me.name, role: me.role });
	}

	/** The newest name of a person; `fallback` for one nobody has told us of. */
	name(id: UserId, fallback = 'Someone'): string {
		return this.#names.get(id)?.name ?? fallback;
	}

	/** The address of somebody's picture; null while it is not known, and for initials. Asks once per person. */
	image(id: UserId): string | null {
		const known = this.#pictures.get(id);
		if (known !== undefined) return known;
		if (!this.#asked.has(id)) {
			this.#asked.add(id);
			queueMicrotask(() => void this.#findPicture(id));
		}
		return null;
	}

	async #findPicture(id: UserId): Promise<void> {
		const found = await this.#pictureOf(id).catch(() => undefined);
		if (found !== undefined) this.#pictures.set(id, found);
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
		if (this.#asked.has(user.id)) void this.#findPicture(user.id);
	}

	presence(state: PresenceState): void {
		this.#heardDuringLoad?.add(state.user_id);
		const held = this.#presence.get(state.user_id);
		if (held && held.version > state.version) return;
		this.#presence.set(state.user_id, { online: state.online, version: state.version });
	}

	/** Replaces who is online by the server's list; what was heard while it was under way stays. */
	async loadOnline(fetch: () => Promise<UserId[]>): Promise<void> {
		// Pictures that could not be asked for while the connection was away.
		for (const id of this.#asked) if (!this.#pictures.has(id)) this.#asked.delete(id);
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
