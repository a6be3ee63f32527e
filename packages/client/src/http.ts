/**
 * Every HTTP call of the client, by name. Answers are plain values; failures are thrown as `ApiError` or `Unreachable`.
 *
 * The token is asked for at each call and never kept here, so that signing out takes effect at once.
 */
import createClient from 'openapi-fetch';
import { as, snapshot, unwrap } from './answers.ts';
import type { Snapshot } from './as-of.ts';
import { systemClock, type Clock } from './clock.ts';
import { ApiError } from './errors.ts';
import type { paths } from './schema.ts';
import { attentive } from './silence.ts';
import { snapshotsOf } from './snapshots.ts';
import { completionStream } from './stream.ts';
import type {
	AccessControl,
	AdminUser,
	Approve,
	Channel,
	ChannelDetail,
	ChannelRow,
	Chat,
	ChatBody,
	ChatRow,
	CompletionRequest,
	CreateBlock,
	MemoryBlock,
	MemoryBlocks,
	Message,
	Model,
	NewChannel,
	NewMessage,
	Page,
	Proposal,
	Proposals,
	ReadMarker,
	Reject,
	Role,
	ServerConfig,
	ServerVersion,
	SessionUser,
	UpdateBlock,
	UserSummary,
} from './types.ts';
import { within } from './within.ts';

export interface ApiOptions {
	/** Origin of the server, for example `https://tidings.example`. Empty in a page that the server itself serves. */
	baseUrl?: string;
	/** The bearer token of now, or null: then only the cookie speaks for the caller. */
	token?: () => string | null;
	/** Told of every answer 401: the token may have ended. */
	onUnauthorized?: () => void;
	/** Told when a call gets no answer, or none for long: the connection beside it may be dead (`Tidings.doubt`). */
	onSilence?: () => void;
	fetch?: typeof globalThis.fetch;
	clock?: Clock;
	/** How long a call may take before it counts as `Unreachable`, in milliseconds. Answers that stream take longer. */
	timeoutMs?: number;
}

const TIMEOUT_MS = 20_000;

export type Api = ReturnType<typeof createApi>;

function loose(body: CompletionRequest) {
	const { parent_message } = body;
	return { ...body, parent_message: parent_message && { ...parent_message } };
}

/** Makes the calls of one server. */
export function createApi(options: ApiOptions = {}) {
	const baseUrl = options.baseUrl ?? '';
	const call = options.fetch ?? ((input: RequestInfo | URL, init?: RequestInit) => globalThis.fetch(input, init));
	const heeded = attentive(call, options.clock ?? systemClock, () => options.onSilence?.());
	// The time runs on when the head has come: the body belongs to the answer.
	const timely = (request: Request) =>
		heeded(request, { signal: within(options.timeoutMs ?? TIMEOUT_MS, request.signal).signal });
	const client = createClient<paths>({ baseUrl, fetch: timely, credentials: 'same-origin' });
	const headers = (): Record<string, string> => {
		const token = options.token?.() ?? null;
		return token === null ? {} : { authorization: `Bearer ${token}` };
	};
	client.use({
		onRequest({ request }) {
			for (const [name, value] of Object.entries(headers())) request.headers.set(name, value);
			return request;
		},
		onResponse({ response }) {
			if (response.status === 401) options.onUnauthorized?.();
		},
	});
	const at = (id: string) => ({ path: { id } });

	return {
		config: () => unwrap(as<ServerConfig>(client.GET('/api/config'))),
		version: () => unwrap(as<ServerVersion>(client.GET('/api/version'))),
		models: async () => (await unwrap<{ data: Model[] }>(as(client.GET('/api/models')))).data,

		auth: {
			session: (): Promise<SessionUser> => unwrap(client.GET('/api/v1/auths/')),
			signIn: (email: string, password: string): Promise<SessionUser> =>
				unwrap(client.POST('/api/v1/auths/signin', { body: { email, password } })),
			signUp: (name: string, email: string, password: string): Promise<SessionUser> =>
				unwrap(client.POST('/api/v1/auths/signup', { body: { name, email, password } })),
			signOut: () => unwrap(client.POST('/api/v1/auths/signout')),
			signOutEverywhere: () => unwrap(client.POST('/api/v1/auths/signout/everywhere')),
			updateProfile: (name: string, profile_image_url: string) =>
				unwrap(client.POST('/api/v1/auths/update/profile', { body: { name, profile_image_url } })),
			updatePassword: (password: string, new_password: string) =>
				unwrap(client.POST('/api/v1/auths/update/password', { body: { password, new_password } })),
			/** The key with all but its end hidden; null if there is none. */
			apiKey: async (): Promise<string | null> => {
				try {
					return (await unwrap(as<{ api_key: string }>(client.GET('/api/v1/auths/api_key')))).api_key;
				} catch (cause) {
					if (cause instanceof ApiError && cause.status === 404) return null;
					throw cause;
				}
			},
			/** A new key in place of the one before. No later call answers it whole. */
			createApiKey: async () =>
				(await unwrap(as<{ api_key: string }>(client.POST('/api/v1/auths/api_key')))).api_key,
			revokeApiKey: () => unwrap(client.DELETE('/api/v1/auths/api_key')),
		},

		people: {
			search: (query: string, page = 1): Promise<Page<UserSummary>> =>
				unwrap(client.GET('/api/v1/users/search', { params: { query: { query, page } } })),
			online: async () => (await unwrap(client.GET('/api/v1/users/online'))).user_ids,
			/**
			 * Address of somebody's own picture, new whenever it changes; null for those for whom the server draws initials.
			 */
			picture: async (id: string): Promise<string | null> => {
				const url = `${baseUrl}/api/v1/users/${encodeURIComponent(id)}/profile/image`;
				const response = await call(url, {
					method: 'HEAD',
					headers: headers(),
					credentials: 'same-origin',
					redirect: 'manual',
				});
				// A picture kept elsewhere: the image itself may follow where a script may not.
				if (response.type === 'opaqueredirect') return `${url}?v=${Date.now()}`;
				const type = response.headers.get('content-type') ?? '';
				if (!response.ok || !type.startsWith('image/') || type.startsWith('image/svg')) return null;
				return `${url}?v=${encodeURIComponent(response.headers.get('etag') ?? String(Date.now()))}`;
			},
			/** Administrators only. */
			list: (query: string, page = 1): Promise<Page<AdminUser>> =>
				unwrap(client.GET('/api/v1/users/', { params: { query: { query, page } } })),
			update: (id: string, body: { role?: Role; name?: string; email?: string }): Promise<AdminUser> =>
				unwrap(client.POST('/api/v1/users/{id}/update', { params: at(id), body })),
			disable: (id: string, disabled: boolean): Promise<unknown> =>
				unwrap(client.POST('/api/v1/users/{id}/disable', { params: at(id), body: { disabled } })),
			resetPassword: (id: string, password: string): Promise<unknown> =>
				unwrap(client.POST('/api/v1/users/{id}/password', { params: at(id), body: { password } })),
		},

		channels: {
			list: (): Promise<ChannelRow[]> => unwrap(client.GET('/api/v1/channels/')),
			get: (id: string): Promise<ChannelDetail> =>
				unwrap(client.GET('/api/v1/channels/{id}', { params: at(id) })),
			create: (body: NewChannel): Promise<Channel> => unwrap(client.POST('/api/v1/channels/create', { body })),
			/** The direct conversation with a person, made if there is none. */
			direct: (userId: string): Promise<Channel> =>
				unwrap(client.GET('/api/v1/channels/users/{user_id}', { params: { path: { user_id: userId } } })),
			update: (
				id: string,
				body: {
					name: string;
					description?: string | null;
					access_control?: AccessControl | null;
					is_private?: boolean | null;
				},
			): Promise<Channel> => unwrap(client.POST('/api/v1/channels/{id}/update', { params: at(id), body })),
			remove: (id: string) => unwrap(client.DELETE('/api/v1/channels/{id}/delete', { params: at(id) })),
			/** Moves the read marker, also back. */
			read: (id: string, read_no: number): Promise<ReadMarker> =>
				unwrap(client.POST('/api/v1/channels/{id}/read', { params: at(id), body: { read_no } })),
			members: (id: string, page = 1, query = ''): Promise<Page<UserSummary>> =>
				unwrap(
					client.GET('/api/v1/channels/{id}/members', { params: { path: { id }, query: { page, query } } }),
				),
			setActive: (id: string, is_active: boolean) =>
				unwrap(client.POST('/api/v1/channels/{id}/members/active', { params: at(id), body: { is_active } })),
			addMembers: (id: string, user_ids: string[]): Promise<unknown> =>
				unwrap(
					client.POST('/api/v1/channels/{id}/update/members/add', {
						params: at(id),
						body: { user_ids, group_ids: [] },
					}),
				),
			removeMembers: (id: string, user_ids: string[]) =>
				unwrap(
					client.POST('/api/v1/channels/{id}/update/members/remove', { params: at(id), body: { user_ids } }),
				),
			leave: (id: string) => unwrap(client.POST('/api/v1/channels/{id}/leave', { params: at(id) })),
			messages: (id: string, skip: number, limit: number): Promise<Message[]> =>
				unwrap(
					client.GET('/api/v1/channels/{id}/messages', { params: { path: { id }, query: { skip, limit } } }),
				),
			post: (id: string, body: NewMessage): Promise<Message> =>
				unwrap(client.POST('/api/v1/channels/{id}/messages/post', { params: at(id), body })),
			edit: (id: string, mid: string, content: string): Promise<Message> =>
				unwrap(
					client.POST('/api/v1/channels/{id}/messages/{message_id}/update', {
						params: { path: { id, message_id: mid } },
						body: { content },
					}),
				),
			removeMessage: (id: string, mid: string) =>
				unwrap(
					client.DELETE('/api/v1/channels/{id}/messages/{message_id}/delete', {
						params: { path: { id, message_id: mid } },
					}),
				),
		},

		/** The same with the positions they hold: what views load. */
		snapshots: snapshotsOf(client),

		memory: {
			blocks: (): Promise<Snapshot<MemoryBlocks>> => snapshot(client.GET('/api/v1/memory/blocks')),
			block: (id: string): Promise<MemoryBlock> =>
				unwrap(client.GET('/api/v1/memory/blocks/{id}', { params: at(id) })),
			create: (body: CreateBlock): Promise<MemoryBlock> => unwrap(client.POST('/api/v1/memory/blocks', { body })),
			/** 409 `stale_version` if the block moved on from `base_version`. */
			update: (id: string, body: UpdateBlock): Promise<MemoryBlock> =>
				unwrap(client.POST('/api/v1/memory/blocks/{id}/update', { params: at(id), body })),
			remove: (id: string) => unwrap(client.DELETE('/api/v1/memory/blocks/{id}', { params: at(id) })),
			/** What waits for a decision, newest first. */
			proposals: (): Promise<Snapshot<Proposals>> => snapshot(client.GET('/api/v1/memory/proposals')),
			/** 409 `stale_version` or `already_decided`. A text of the person's own goes into `body`. */
			approve: (id: string, body: Approve): Promise<MemoryBlock> =>
				unwrap(client.POST('/api/v1/memory/proposals/{id}/approve', { params: at(id), body })),
			/** 409 `stale_version` or `already_decided`. */
			reject: (id: string, body: Reject): Promise<Proposal> =>
				unwrap(client.POST('/api/v1/memory/proposals/{id}/reject', { params: at(id), body })),
		},

		chats: {
			list: (page = 1): Promise<ChatRow[]> =>
				unwrap(client.GET('/api/v1/chats/', { params: { query: { page, include_pinned: true } } })),
			get: (id: string) => unwrap(as<Chat>(client.GET('/api/v1/chats/{id}', { params: at(id) }))),
			create: (chat: ChatBody) =>
				unwrap(as<Chat>(client.POST('/api/v1/chats/new', { body: { chat: { ...chat } } }))),
			update: (id: string, chat: Partial<ChatBody>) =>
				unwrap(as<Chat>(client.POST('/api/v1/chats/{id}', { params: at(id), body: { chat: { ...chat } } }))),
			remove: (id: string) => unwrap(client.DELETE('/api/v1/chats/{id}', { params: at(id) })),
			/** Starts an answer that arrives as events on the socket. */
			complete: (body: CompletionRequest) =>
				unwrap(
					as<{ status: boolean; task_id: string }>(
						client.POST('/api/chat/completions', { body: loose(body) }),
					),
				),
			/** Asks a model without a chat and reads its answer piece by piece. */
			stream: (body: CompletionRequest, signal?: AbortSignal) =>
				completionStream(call, `${baseUrl}/api/chat/completions`, headers(), { ...body, stream: true }, signal),
			runningTasks: async (id: string) =>
				(await unwrap(client.GET('/api/tasks/chat/{chat_id}', { params: { path: { chat_id: id } } }))).task_ids,
		},
	};
}
