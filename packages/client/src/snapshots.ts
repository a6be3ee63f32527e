/**
 * What views load: lists and pages with the positions up to which they hold the changes of their rooms.
 */
import type { Client } from 'openapi-fetch';
import { as, snapshot } from './answers.ts';
import type { Snapshot } from './as-of.ts';
import type { paths } from './schema.ts';
import type {
	ChannelDetail,
	ChannelRow,
	Chat,
	ChatRow,
	MemoryBlocks,
	Message,
	Page,
	Proposals,
	UserSummary,
} from './types.ts';

type Answer<T> = Promise<Snapshot<T>>;

export function snapshotsOf(client: Client<paths>) {
	return {
		channels: (signal?: AbortSignal): Answer<ChannelRow[]> => snapshot(client.GET('/api/v1/channels/', { signal })),
		channel: (id: string, signal?: AbortSignal): Answer<ChannelDetail> =>
			snapshot(client.GET('/api/v1/channels/{id}', { params: { path: { id } }, signal })),
		members: (id: string, page = 1, query = '', signal?: AbortSignal): Answer<Page<UserSummary>> =>
			snapshot(
				client.GET('/api/v1/channels/{id}/members', {
					params: { path: { id }, query: { page, query } },
					signal,
				}),
			),
		messages: (id: string, skip: number, limit: number, signal?: AbortSignal): Answer<Message[]> =>
			snapshot(
				client.GET('/api/v1/channels/{id}/messages', {
					params: { path: { id }, query: { skip, limit } },
					signal,
				}),
			),
		thread: (
			id: string,
			message_id: string,
			skip: number,
			limit: number,
			signal?: AbortSignal,
		): Answer<Message[]> =>
			snapshot(
				client.GET('/api/v1/channels/{id}/messages/{message_id}/thread', {
					params: { path: { id, message_id }, query: { skip, limit } },
					signal,
				}),
			),
		chats: (page = 1, signal?: AbortSignal): Answer<ChatRow[]> =>
			snapshot(client.GET('/api/v1/chats/', { params: { query: { page, include_pinned: true } }, signal })),
		chat: (id: string, signal?: AbortSignal): Answer<Chat> =>
			snapshot(as<Chat>(client.GET('/api/v1/chats/{id}', { params: { path: { id } }, signal }))),
		online: async (signal?: AbortSignal): Answer<string[]> => {
			const { body, heads } = await snapshot(client.GET('/api/v1/users/online', { signal }));
			return { body: body.user_ids, heads };
		},
		blocks: (signal?: AbortSignal): Answer<MemoryBlocks> =>
			snapshot(client.GET('/api/v1/memory/blocks', { signal })),
		proposals: (signal?: AbortSignal): Answer<Proposals> =>
			snapshot(client.GET('/api/v1/memory/proposals', { signal })),
	};
}
