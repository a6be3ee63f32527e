/**
 * The channels and direct messages that the signed-in person may see, with their unread counts.
 */
import {
	ApiError,
	type Api,
	type Channel,
	type ChannelId,
	type ChannelRow,
	type NewChannel,
	type NumberedEvent,
	type UserId,
} from '@tidings/client';
import { createContext } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import { Followed, type Live } from '../live/followed.svelte';
import type { People } from '../people/people.svelte';
import { Unread } from './unread.svelte';

export type ChannelsApi = Pick<Api['channels'], 'get' | 'create' | 'direct'> & Pick<Api['snapshots'], 'channels'>;

export class Channels {
	readonly unread = new Unread();
	readonly #api: ChannelsApi;
	readonly #people: People;
	readonly #list: Followed<ChannelRow[]>;
	#rows = new SvelteMap<ChannelId, ChannelRow>();
	#readingId = $state<ChannelId | null>(null);

	constructor(api: ChannelsApi, people: People, live: Live) {
		this.#api = api;
		this.#people = people;
		const mine = `user:${people.meId}`;
		this.#list = new Followed(live, {
			rooms: (room) => room === mine || room.startsWith('channel:'),
			load: async () => {
				this.unread.asking();
				return api.channels();
			},
			replace: (rows) => this.#replace(rows),
			apply: (event) => this.#apply(event),
			// Read markers have no numbers: they are asked for after every break.
			again: 'always',
		});
	}

	get state() {
		return this.#list.stage;
	}

	open(): void {
		this.#list.open();
	}

	retry(): void {
		this.#list.retry();
	}

	/** Standard channels and groups, by name. */
	readonly rooms = $derived.by(() =>
		[...this.#rows.values()]
			.filter((row) => row.type !== 'dm')
			.sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1)),
	);

	/** Direct messages, the newest conversation first. */
	readonly directs = $derived.by(() =>
		[...this.#rows.values()]
			.filter((row) => row.type === 'dm')
			.sort((a, b) => (b.last_message_at ?? b.created_at) - (a.last_message_at ?? a.created_at)),
	);

	readonly unreadTotal = $derived.by(() => {
		let sum = 0;
		for (const id of this.#rows.keys()) sum += this.unreadShown(id);
		return sum;
	});

	/** What a badge says: nothing for the channel under the reader's eyes, whose marker is on its way. */
	unreadShown(id: ChannelId): number {
		return this.#readingId === id ? 0 : this.unread.of(id);
	}

	/** The channel that is looked at down to its end; null for none. */
	reading(id: ChannelId | null): void {
		this.#readingId = id;
	}

	get(id: ChannelId): ChannelRow | undefined {
		return this.#rows.get(id);
	}

	/** The other person of a direct message; ourselves in a conversation with ourselves. */
	partner(row: Pick<ChannelRow, 'users' | 'user_ids' | 'user_id'>): UserId {
		const ids = row.users?.map((user) => user.id) ?? row.user_ids ?? [];
		return ids.find((id) => id !== this.#people.meId) ?? this.#people.meId;
	}

	/** What a channel is called here: its name, or for a direct message the other person's. */
	title(row: ChannelRow | undefined): string {
		if (!row) return 'Channel';
		if (row.type !== 'dm') return row.name;
		const id = this.partner(row);
		return this.#people.name(id, row.users?.find((user) => user.id === id)?.name ?? (row.name || 'Direct message'));
	}

	#replace(rows: ChannelRow[]): void {
		const seen = new Set(rows.map((row) => row.id));
		for (const id of [...this.#rows.keys()]) if (!seen.has(id)) this.forget(id);
		for (const row of rows) {
			this.#rows.set(row.id, row);
			this.#people.remember(row.users ?? []);
		}
		this.unread.listed(rows);
	}

	#apply(event: NumberedEvent): void {
		switch (event.name) {
			case 'channel:updated':
				return this.updated(event.payload.channel);
			case 'channel:deleted':
			case 'channel:removed':
				return this.forget(event.payload.channel_id);
			case 'channel:added':
				void this.#list.reload();
				return;
			case 'events:channel': {
				const { data, channel_id } = event.payload;
				if (data.type === 'channel:created') void this.#list.reload();
				if (data.type !== 'message' || data.data.parent_id !== null) return;
				return this.arrived(channel_id, data.data.no ?? 0, data.data.created_at);
			}
		}
	}

	/** One that was found or made outside the list. */
	put(row: ChannelRow): void {
		this.#rows.set(row.id, row);
		this.unread.found(row);
		this.#people.remember(row.users ?? []);
	}

	updated(channel: Channel): void {
		const held = this.#rows.get(channel.id);
		if (held) this.#rows.set(channel.id, { ...held, ...channel });
	}

	forget(id: ChannelId): void {
		this.#rows.delete(id);
		this.unread.forget(id);
	}

	/** A top-level message was posted; an unknown channel means that the list is out of date. */
	arrived(id: ChannelId, no: number, createdAt: number): void {
		this.unread.arrived(id, no);
		const held = this.#rows.get(id);
		if (!held) void this.#list.reload();
		else if ((held.last_message_at ?? 0) < createdAt) this.#rows.set(id, { ...held, last_message_at: createdAt });
	}

	async create(form: NewChannel): Promise<Channel> {
		const channel = await this.#api.create(form);
		await this.#list.reload();
		return channel;
	}

	async direct(userId: UserId): Promise<Channel> {
		const channel = await this.#api.direct(userId);
		await this.#list.reload();
		return channel;
	}

	/** Fetches one channel that is not in the list; null if there is none that we may see. */
	async find(id: ChannelId): Promise<ChannelRow | null> {
		const held = this.#rows.get(id);
		if (held) return held;
		try {
			const detail = await this.#api.get(id);
			return { last_message_at: null, ...detail };
		} catch (error) {
			if (error instanceof ApiError && [403, 404].includes(error.status)) return null;
			throw error;
		}
	}
}

export const [getChannels, setChannels] = createContext<Channels>();
