/**
 * Details and members of the channels that are open: what the header and the members panel show. Followed while they are
 * on screen; what was known is shown at once the next time, and fetched again.
 */
import {
	earliest,
	type Api,
	type ChannelDetail,
	type ChannelId,
	type NumberedEvent,
	type UserSummary,
} from '@tidings/client';
import { SvelteMap } from 'svelte/reactivity';
import { Followed, type Live, type Stage } from '../live/followed.svelte';
import type { People } from '../people/people.svelte';

type MembersApi = Pick<Api['snapshots'], 'channel' | 'members'>;

/** Rows of one page of members. */
const MEMBERS_PAGE = 30;

export interface MemberPage {
	members: UserSummary[];
	total: number;
}

export class Members {
	readonly #api: MembersApi;
	readonly #people: People;
	readonly #live: Live;
	#details = new SvelteMap<ChannelId, ChannelDetail>();
	#pages = new SvelteMap<ChannelId, MemberPage>();
	#followedPages = new SvelteMap<ChannelId, Followed<MemberPage>>();

	constructor(api: MembersApi, people: People, live: Live) {
		this.#api = api;
		this.#people = people;
		this.#live = live;
	}

	detail(id: ChannelId): ChannelDetail | undefined {
		return this.#details.get(id);
	}

	of(id: ChannelId): MemberPage | undefined {
		return this.#pages.get(id);
	}

	/** Whether the list of an open panel could be fetched. */
	stage(id: ChannelId): Stage {
		return this.#pages.has(id) ? 'ready' : (this.#followedPages.get(id)?.stage ?? 'loading');
	}

	/** The channel is on screen, until the returned function is called. */
	openDetail(id: ChannelId): () => void {
		const detail = new Followed<ChannelDetail>(this.#live, {
			rooms: [`channel:${id}`],
			load: () => this.#api.channel(id),
			replace: (body) => {
				this.#details.set(id, body);
				this.#people.remember(body.users ?? []);
			},
			// Names, access and members decide what one may do here, which only the server knows.
			apply: (event) => void (changesDetail(event) && detail.reload()),
		});
		detail.open();
		return () => detail.close();
	}

	/** The panel with the members is on screen, until the returned function is called. */
	openList(id: ChannelId): () => void {
		const list = new Followed<MemberPage>(this.#live, {
			rooms: [`channel:${id}`],
			load: () => this.#load(id),
			replace: (page) => {
				this.#people.remember(page.members);
				this.#pages.set(id, page);
			},
			apply: (event) => this.#apply(id, list, event),
		});
		this.#followedPages.set(id, list);
		list.open();
		return () => {
			list.close();
			this.#followedPages.delete(id);
		};
	}

	/** After a failure, or when something was done about the members here. */
	reload(id: ChannelId): void {
		this.#followedPages.get(id)?.retry();
	}

	/** As many pages as are held, at first one. */
	async #load(id: ChannelId) {
		const wanted = Math.max(1, Math.ceil((this.#pages.get(id)?.members.length ?? 0) / MEMBERS_PAGE));
		const members = new Map<string, UserSummary>();
		const heads = [];
		let total = 0;
		for (let page = 1; page <= wanted; page += 1) {
			const { body, heads: at } = await this.#api.members(id, page);
			for (const user of body.users) members.set(user.id, user);
			heads.push(at);
			total = body.total;
			if (body.users.length < MEMBERS_PAGE) break;
		}
		return { body: { members: [...members.values()], total }, heads: earliest(...heads) };
	}

	async loadMore(id: ChannelId): Promise<void> {
		const held = this.#pages.get(id);
		if (!held) return;
		const { body } = await this.#api.members(id, Math.floor(held.members.length / MEMBERS_PAGE) + 1);
		this.#people.remember(body.users);
		const known = new Set(held.members.map((member) => member.id));
		const members = [...held.members, ...body.users.filter((user) => !known.has(user.id))];
		this.#pages.set(id, { members, total: body.total });
	}

	/** One who comes or goes is seen at once; the order and the total are the server's. */
	#apply(id: ChannelId, list: Followed<MemberPage>, event: NumberedEvent): void {
		if (event.name === 'member:joined') {
			const { user } = event.payload;
			this.#people.remember([user]);
			this.#change(id, (members) => [...members.filter((member) => member.id !== user.id), user]);
		} else if (event.name === 'member:left') {
			const gone = event.payload.user_id;
			this.#change(id, (members) => members.filter((member) => member.id !== gone));
		} else return;
		void list.reload();
	}

	#change(id: ChannelId, change: (members: UserSummary[]) => UserSummary[]): void {
		const held = this.#pages.get(id);
		if (!held) return;
		const members = change(held.members);
		this.#pages.set(id, { members, total: held.total + members.length - held.members.length });
	}

	forget(id: ChannelId): void {
		this.#details.delete(id);
		this.#pages.delete(id);
	}
}

function changesDetail({ name }: NumberedEvent): boolean {
	return name === 'channel:updated' || name === 'member:joined' || name === 'member:left';
}
