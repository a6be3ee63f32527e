/**
 * What this tab knows of people: names, pictures, and who has an open socket now.
 *
 * Presence is a state: the newest version per person wins, and a list fetched later than an event never undoes it.
 */
import type { Api, PersonRef, PresenceState, UserId, UserSummary } from '@tidings/client';
import { createContext } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import { Followed, type Live } from '../live/followed.svelte';

interface Presence {
	online: boolean;
	version: number;
}

interface Named extends PersonRef {
	/** Known since this many times that names may have changed unheard. */
	round: number;
}

type PeopleApi = Pick<Api['snapshots'], 'online'> & Pick<Api['people'], 'picture'>;

export class People {
	readonly meId: UserId;
	readonly #online: Followed<UserId[]>;
	readonly #pictureOf: (id: UserId) => Promise<string | null>;
	#names = new SvelteMap<UserId, Named>();
	#round = 0;
	#presence = new SvelteMap<UserId, Presence>();
	/** Addresses of pictures; null for those who have initials only. */
	#pictures = new SvelteMap<UserId, string | null>();
	#asked = new Set<UserId>();
	#heardDuringLoad: Set<UserId> | null = null;
	readonly #isAway: () => boolean;

	constructor(me: UserSummary, api: PeopleApi, live: Live, isAway: () => boolean = () => false) {
		this.#isAway = isAway;
		this.meId = me.id;
		this.#pictureOf = (id) => api.picture(id);
		this.#names.set(me.id, { id: me.id, name: me.name, role: me.role, round: 0 });
		this.#online = new Followed(live, {
			rooms: ['everyone'],
			load: () => {
				this.#heardDuringLoad = new Set();
				return api.online();
			},
			replace: (online) => this.#listed(new Set(online)),
			apply: (event) => void (event.name === 'events:people' && this.changed(event.payload.user)),
			// Presence has no numbers: it is asked for after every break.
			again: 'always',
		});
	}

	open(): void {
		this.#online.open();
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

	/** Whether they were online the last time that it was known. */
	isOnline(id: UserId): boolean {
		return this.#presence.get(id)?.online ?? false;
	}

	/** In words; undefined where it is not known, because the connection is away. */
	presenceOf(id: UserId): 'online' | 'offline' | undefined {
		if (this.#isAway()) return undefined;
		return this.isOnline(id) ? 'online' : 'offline';
	}

	/** Takes names from a list or a message, unless an event has told us a newer one. */
	remember(people: readonly (PersonRef | null | undefined)[]): void {
		for (const person of people) {
			if (!person || person.name === '' || this.#names.get(person.id)?.round === this.#round) continue;
			this.#names.set(person.id, { id: person.id, name: person.name, role: person.role, round: this.#round });
		}
	}

	changed(user: UserSummary): void {
		this.#names.set(user.id, { id: user.id, name: user.name, role: user.role, round: this.#round });
		if (this.#asked.has(user.id)) void this.#findPicture(user.id);
	}

	/** Names and pictures may have changed unheard: what is fetched from now on is newer than what is held. */
	doubt(): void {
		this.#round += 1;
		for (const id of this.#asked) void this.#findPicture(id);
	}

	presence(state: PresenceState): void {
		this.#heardDuringLoad?.add(state.user_id);
		const held = this.#presence.get(state.user_id);
		if (held && held.version > state.version) return;
		this.#presence.set(state.user_id, { online: state.online, version: state.version });
	}

	/** Who is online by the server's list; what was heard while it was under way stays. */
	#listed(online: ReadonlySet<UserId>): void {
		// Pictures that could not be asked for while the connection was away.
		for (const id of this.#asked) if (!this.#pictures.has(id)) this.#asked.delete(id);
		const heard = this.#heardDuringLoad;
		this.#heardDuringLoad = null;
		for (const [id, state] of [...this.#presence]) {
			if (!heard?.has(id) && state.online !== online.has(id))
				this.#presence.set(id, { ...state, online: online.has(id) });
		}
		for (const id of online) {
			if (!heard?.has(id) && !this.#presence.has(id)) this.#presence.set(id, { online: true, version: 0 });
		}
	}
}

export const [getPeople, setPeople] = createContext<People>();
