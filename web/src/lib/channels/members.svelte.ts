/**
 * Details and members of the channels that were opened: what the header and the members panel show.
 */
import type { Api, ChannelDetail, ChannelId, PersonRef, UserId, UserSummary } from '@tidings/client';
import { SvelteMap } from 'svelte/reactivity';
import type { People } from '../people/people.svelte';

type ChannelsApi = Pick<Api['channels'], 'get' | 'members'>;

/** Rows of one page of members. */
const MEMBERS_PAGE = 30;

export interface MemberPage {
	members: UserSummary[];
	total: number;
	state: 'loading' | 'ready' | 'failed';
}

export class Members {
	readonly #api: ChannelsApi;
	readonly #people: People;
	#details = new SvelteMap<ChannelId, ChannelDetail>();
	#pages = new SvelteMap<ChannelId, MemberPage>();

	constructor(api: ChannelsApi, people: People) {
		this.#api = api;
		this.#people = people;
	}

	detail(id: ChannelId): ChannelDetail | undefined {
		return this.#details.get(id);
	}

	of(id: ChannelId): MemberPage | undefined {
		return this.#pages.get(id);
	}

	/** Throws what the server says: a page without its channel is no page. */
	async loadDetail(id: ChannelId): Promise<ChannelDetail> {
		const detail = await this.#api.get(id);
		this.#details.set(id, detail);
		this.#people.remember(detail.users ?? []);
		return detail;
	}

	async load(id: ChannelId): Promise<void> {
		const held = this.#pages.get(id);
		if (!held || held.state === 'failed') this.#pages.set(id, { members: [], total: 0, state: 'loading' });
		try {
			const { users, total } = await this.#api.members(id, 1);
			this.#people.remember(users);
			this.#pages.set(id, { members: users, total, state: 'ready' });
		} catch {
			if (!held) this.#pages.set(id, { members: [], total: 0, state: 'failed' });
		}
	}

	async loadMore(id: ChannelId): Promise<void> {
		const held = this.#pages.get(id);
		if (!held) return;
		const { users, total } = await this.#api.members(id, Math.floor(held.members.length / MEMBERS_PAGE) + 1);
		this.#people.remember(users);
		const known = new Set(held.members.map((member) => member.id));
		const members = [...held.members, ...users.filter((user) => !known.has(user.id))];
		this.#pages.set(id, { members, total, state: 'ready' });
	}

	joined(id: ChannelId, user: PersonRef): void {
		const page = this.#pages.get(id);
		if (page && !page.members.some((member) => member.id === user.id)) {
			this.#pages.set(id, { ...page, members: [...page.members, user], total: page.total + 1 });
		}
		if (this.#details.has(id)) void this.loadDetail(id).catch(() => undefined);
	}

	left(id: ChannelId, userId: UserId): void {
		const page = this.#pages.get(id);
		if (page?.members.some((member) => member.id === userId)) {
			const members = page.members.filter((member) => member.id !== userId);
			this.#pages.set(id, { ...page, members, total: page.total - 1 });
		}
		if (this.#details.has(id)) void this.loadDetail(id).catch(() => undefined);
	}

	/** Name, access or description changed: rights may have too. */
	channelChanged(id: ChannelId): void {
		if (this.#details.has(id)) void this.loadDetail(id).catch(() => undefined);
	}

	/** After a time away. */
	cameBack(open: ChannelId | null): void {
		if (open === null) return;
		if (this.#details.has(open)) void this.loadDetail(open).catch(() => undefined);
		if (this.#pages.has(open)) void this.load(open);
	}

	forget(id: ChannelId): void {
		this.#details.delete(id);
		this.#pages.delete(id);
	}
}
