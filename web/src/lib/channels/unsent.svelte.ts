/**
 * What this person did and the server has not confirmed: messages, edits, deletions and read markers from the outbox,
 * the same in every tab. Lists show it on top of what the server says.
 */
import type { ChannelId, Entry, Message, MessageId, Tidings } from '@tidings/client';
import { SvelteMap } from 'svelte/reactivity';
import type { Channels } from './channels.svelte';
import type { Pending } from './message-list';
import type { Messages } from './messages.svelte';
import type { Unread } from './unread.svelte';

type Source = Pick<Tidings, 'outbox' | 'commands'>;

/** A change of a message that is on its way, or was refused. */
export interface Change {
	id: string;
	kind: 'edit' | 'delete';
	/** The new text of an edit. */
	content: string;
	failed: boolean;
	/** It is made by itself when it can be; until then it can be taken back. */
	waits: boolean;
	/** Why it failed, or what it waits for, as a sentence; empty while it is on its way. */
	reason: string;
	retryable: boolean;
}

interface Note {
	channel_id?: ChannelId;
	message_id?: MessageId;
	content?: string;
	read_no?: number;
	parent_id?: MessageId | null;
}

export class Unsent {
	readonly #source: Source;
	readonly #messages: Messages;
	readonly #unread: Unread;
	readonly #stop: (() => void)[];
	#entries = $state.raw<readonly Entry[]>([]);
	#posts = new SvelteMap<ChannelId, readonly Pending[]>();
	#changes = $state.raw<ReadonlyMap<MessageId, Change>>(new Map());

	constructor(source: Source, messages: Messages, unread: Unread) {
		this.#source = source;
		this.#messages = messages;
		this.#unread = unread;
		this.#stop = [
			source.outbox.onSent(({ entry, answer }) => this.#sent(entry, answer)),
			source.outbox.onChange((entries) => this.#take(entries)),
		];
		this.#take(source.outbox.entries);
	}

	stop(): void {
		for (const stop of this.#stop) stop();
	}

	/** Messages of a channel that are on their way or were refused, in the order they were written. */
	of(channel: ChannelId): readonly Pending[] {
		return this.#posts.get(channel) ?? NONE;
	}

	/** What was refused in channels that are not ours any more, so that no list shows it. */
	lost(channels: Pick<Channels, 'get' | 'state'>): Pending[] {
		if (channels.state !== 'ready') return [];
		const elsewhere = [...this.#posts].filter(([channel]) => !channels.get(channel));
		return elsewhere.flatMap(([, posts]) => posts.filter((one) => one.state === 'failed'));
	}

	/** What becomes of a message that the server has. */
	change(message: MessageId): Change | undefined {
		return this.#changes.get(message);
	}

	/** How much would be lost with the outbox; read markers are not missed. */
	get count(): number {
		return this.#entries.filter((entry) => entry.kind !== 'read').length;
	}

	/** Whether it outlives the tab. */
	get isKept(): boolean {
		void this.#entries;
		return this.#source.outbox.isKept;
	}

	/** Throws what cannot be kept: the caller still has the text. */
	async post(channel: ChannelId, content: string): Promise<void> {
		await this.#source.commands.post(channel, { content });
	}

	async edit(channel: ChannelId, message: MessageId, content: string): Promise<void> {
		await this.#replaceFailed(message);
		await this.#source.commands.edit(channel, message, content);
	}

	async remove(channel: ChannelId, message: MessageId): Promise<void> {
		await this.#replaceFailed(message);
		await this.#source.commands.removeMessage(channel, message);
	}

	read(channel: ChannelId, no: number): void {
		void this.#source.commands.read(channel, no).catch(() => undefined);
	}

	retry(id: string): void {
		void this.#source.outbox.retry(id);
	}

	/** Answers whether it will not be sent; false if it is on the wire already. */
	async cancel(id: string): Promise<boolean> {
		return (await this.#source.outbox.cancel(id)) !== 'sending';
	}

	async #replaceFailed(message: MessageId): Promise<void> {
		const before = this.#changes.get(message);
		if (before?.failed) await this.#source.outbox.cancel(before.id);
	}

	#take(entries: readonly Entry[]): void {
		this.#entries = entries;
		const posts = new Map<ChannelId, Pending[]>();
		const changes = new Map<MessageId, Change>();
		const markers = new Map<ChannelId, number>();
		for (const entry of entries) {
			const { channel_id: channel, message_id, content = '', read_no, parent_id } = noteOf(entry);
			if (channel === undefined) continue;
			if (entry.kind === 'post') {
				if ((parent_id ?? null) === null)
					posts.set(channel, [...(posts.get(channel) ?? []), pendingOf(entry, content)]);
			} else if (entry.kind === 'read') markers.set(channel, read_no ?? 0);
			else if (message_id !== undefined && (entry.kind === 'edit' || entry.kind === 'delete')) {
				changes.set(message_id, changeOf(entry, entry.kind, content));
			}
		}
		for (const channel of [...this.#posts.keys()]) if (!posts.has(channel)) this.#posts.delete(channel);
		for (const [channel, list] of posts) this.#posts.set(channel, list);
		this.#changes = changes;
		this.#unread.waits(markers);
	}

	/** In the same moment as the entry goes: what was pending becomes a message of the server, and nothing blinks. */
	#sent(entry: Entry, answer: unknown): void {
		const { channel_id: channel, message_id } = noteOf(entry);
		const list = channel === undefined ? undefined : this.#messages.held(channel);
		if (!list) return;
		if (entry.kind === 'delete' && message_id !== undefined) list.drop(message_id);
		else if (!isMessage(answer)) return;
		else if (entry.kind === 'post') list.put(answer);
		else if (entry.kind === 'edit') list.edited(answer);
	}
}

const NONE: readonly Pending[] = [];

function noteOf(entry: Entry): Note {
	return typeof entry.note === 'object' && entry.note !== null ? (entry.note as Note) : {};
}

function isMessage(answer: unknown): answer is Message {
	return typeof answer === 'object' && answer !== null && 'id' in answer && 'content' in answer;
}

function pendingOf(entry: Entry, content: string): Pending {
	const { id, at, state, retryable } = entry;
	return {
		temp_id: id,
		content,
		at,
		state: state === 'failed' ? 'failed' : state === 'sending' ? 'sending' : 'waiting',
		reason: state === 'failed' ? (entry.reason ?? 'The server refused it.') : whyWaiting(entry, 'sent'),
		retryable,
	};
}

function changeOf(entry: Entry, kind: Change['kind'], content: string): Change {
	const failed = entry.state === 'failed';
	const waits = entry.state === 'pending';
	const done = kind === 'edit' ? 'saved' : 'deleted';
	// What it looks like does not tell what will become of it, as a new message does: it is said in any case.
	const isAway = entry.waitingFor === 'connection';
	const why = isAway ? `It is ${done} when you are connected again.` : whyWaiting(entry, done);
	const reason = failed ? (entry.reason ?? 'The server refused it.') : why;
	return { id: entry.id, kind, content, failed, waits, reason, retryable: entry.retryable };
}

/** Said of messages only where the bar at the top does not say it. */
function whyWaiting({ waitingFor, status }: Entry, done: 'sent' | 'saved' | 'deleted'): string {
	switch (waitingFor) {
		case 'server':
			return status === null
				? `The server cannot be reached. It is ${done} as soon as it can be.`
				: `The server is busy. It is ${done} as soon as it can be.`;
		case 'space':
			return `The server has no space left. It is ${done} when there is some.`;
		case 'sign-in':
			return `It is ${done} when you have signed in again.`;
		default:
			return '';
	}
}
