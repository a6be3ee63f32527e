/**
 * The commands of people, each as it is kept in the outbox.
 */
import type { ChannelId, MessageId } from '../types.ts';
import { uuid } from '../uuid.ts';
import type { Entry } from './machine.ts';
import type { Outbox } from './outbox.ts';
import type { Json, Request } from './row.ts';

export interface Draft {
	content: string;
	parent_id?: MessageId | null;
	reply_to_id?: MessageId | null;
}

/** Any command of the HTTP interface. */
export interface AnyCommand extends Request {
	/** The application's word for it. */
	kind: string;
	/** Commands of one resource keep their order. */
	resource: string;
	note?: Json;
	/** One of the same text that waits or failed is dropped in favour of this one. */
	replaces?: string;
}

export class Commands {
	readonly #outbox: Outbox;

	constructor(outbox: Outbox) {
		this.#outbox = outbox;
	}

	/** The entry's id is the message's `temp_id`. */
	post(channel: ChannelId, { content, parent_id = null, reply_to_id = null }: Draft): Promise<Entry> {
		const temp_id = uuid();
		return this.#outbox.add(
			{
				kind: 'post',
				resource: roomOf(channel),
				once: 'temp_id',
				request: {
					method: 'POST',
					path: `${pathOf(channel)}/messages/post`,
					body: { content, temp_id, parent_id, reply_to_id },
				},
				note: { channel_id: channel, parent_id, reply_to_id, content },
			},
			temp_id,
		);
	}

	/** Only the newest text of a message that waits is sent. */
	edit(channel: ChannelId, message: MessageId, content: string): Promise<Entry> {
		return this.#outbox.add({
			kind: 'edit',
			resource: roomOf(channel),
			replaces: `edit ${message}`,
			request: { method: 'POST', path: `${messagePath(channel, message)}/update`, body: { content } },
			note: { channel_id: channel, message_id: message, content },
		});
	}

	removeMessage(channel: ChannelId, message: MessageId): Promise<Entry> {
		return this.#outbox.add({
			kind: 'delete',
			resource: roomOf(channel),
			replaces: `edit ${message}`,
			request: { method: 'DELETE', path: `${messagePath(channel, message)}/delete` },
			note: { channel_id: channel, message_id: message },
		});
	}

	/** Sets the read marker, also back. */
	read(channel: ChannelId, read_no: number): Promise<Entry> {
		return this.#outbox.add({
			kind: 'read',
			resource: `read ${channel}`,
			replaces: `read ${channel}`,
			request: { method: 'POST', path: `${pathOf(channel)}/read`, body: { read_no } },
			note: { channel_id: channel, read_no },
		});
	}

	/** Any other command; it is sent under an `Idempotency-Key`. */
	run({ kind, resource, note, replaces, ...request }: AnyCommand): Promise<Entry> {
		return this.#outbox.add({ kind, resource, request, note, replaces });
	}
}

function roomOf(channel: ChannelId): string {
	return `channel:${channel}`;
}

function pathOf(channel: ChannelId): string {
	return `/api/v1/channels/${encodeURIComponent(channel)}`;
}

function messagePath(channel: ChannelId, message: MessageId): string {
	return `${pathOf(channel)}/messages/${encodeURIComponent(message)}`;
}
