/**
 * Every HTTP call of the client, by name. Answers are plain values; failures are thrown as `ApiError` or `Unreachable`.
 *
 * The token is asked for at each call and never kept here, so that signing out takes effect at once.
 */
import createClient from 'openapi-fetch';
import { ApiError, Unreachable, apiError } from './errors.ts';
import type { paths } from './paths.ts';
import { completionStream } from './stream.ts';
import type { ChatBody, CompletionRequest, NewChannel, NewMessage } from './types.ts';

export interface ApiOptions {
	/** Origin of the server, for example `https://tidings.example`. Empty in a page that the server itself serves. */
	baseUrl?: string;
	/** The bearer token of now, or null: then only the cookie speaks for the caller. */
	token?: () => string | null;
	fetch?: typeof globalThis.fetch;
}

export type Api = ReturnType<typeof createApi>;

interface Outcome<T> {
	data?: T;
	error?: unknown;
	response: Response;
}

async function unwrap<T>(call: Promise<Outcome<T>>): Promise<T> {
	let outcome: Outcome<T>;
	try {
		outcome = await call;
	} catch (cause) {
		if (cause instanceof ApiError) throw cause;
		throw new Unreachable(cause);
	}
	const { data, error, response } = outcome;
	if (!response.ok) throw apiError(response.status, error, response.headers.get('retry-after'));
	return data as T;
}

/** Makes the calls of one server. */
export function createApi(options: ApiOptions = {}) {
	const baseUrl = options.baseUrl ?? '';
	const call = options.fetch ?? ((input: RequestInfo | URL, init?: RequestInit) => globalThis.fetch(input, init));
	const client = createClient<paths>({ baseUrl, fetch: (request) => call(request), credentials: 'same-origin' });
	const headers = (): Record<string, string> => {
		const token = options.token?.() ?? null;
		return token === null ? {} : { authorization: `Bearer ${token}` };
	};
	client.use({
		onRequest({ request }) {
			for (const [name, value] of Object.entries(headers())) request.headers.set(name, value);
			return request;
		},
	});
	const at = (id: string) => ({ path: { id } });
	const none = { path: {} };

	return {
		config: () => unwrap(client.GET('/api/config', { params: none })),
		version: () => unwrap(client.GET('/api/version', { params: none })),
		models: async () => (await unwrap(client.GET('/api/models', { params: none }))).data,

		auth: {
			session: () => unwrap(client.GET('/api/v1/auths/', { params: none })),
			signIn: (email: string, password: string) =>
				unwrap(client.POST('/api/v1/auths/signin', { params: none, body: { email, password } })),
			signUp: (name: string, email: string, password: string) =>
				unwrap(client.POST('/api/v1/auths/signup', { params: none, body: { name, email, password } })),
			signOut: () => unwrap(client.POST('/api/v1/auths/signout', { params: none, body: {} })),
			signOutEverywhere: () =>
				unwrap(client.POST('/api/v1/auths/signout/everywhere', { params: none, body: {} })),
			updateProfile: (name: string, profile_image_url: string) =>
				unwrap(
					client.POST('/api/v1/auths/update/profile', { params: none, body: { name, profile_image_url } }),
				),
			updatePassword: (password: string, new_password: string) =>
				unwrap(
					client.POST('/api/v1/auths/update/password', { params: none, body: { password, new_password } }),
				),
		},

		people: {
			search: (query: string, page = 1) =>
				unwrap(client.GET('/api/v1/users/search', { params: { path: {}, query: { query, page } } })),
			online: async () => (await unwrap(client.GET('/api/v1/users/online', { params: none }))).user_ids,
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
			list: (query: string, page = 1) =>
				unwrap(client.GET('/api/v1/users/', { params: { path: {}, query: { query, page } } })),
			update: (id: string, body: { role?: string; name?: string; email?: string }) =>
				unwrap(client.POST('/api/v1/users/{id}/update', { params: at(id), body })),
			disable: (id: string, disabled: boolean) =>
				unwrap(client.POST('/api/v1/users/{id}/disable', { params: at(id), body: { disabled } })),
			resetPassword: (id: string, password: string) =>
				unwrap(client.POST('/api/v1/users/{id}/password', { params: at(id), body: { password } })),
		},

		channels: {
			list: () => unwrap(client.GET('/api/v1/channels/', { params: none })),
			get: (id: string) => unwrap(client.GET('/api/v1/channels/{id}', { params: at(id) })),
			create: (body: NewChannel) => unwrap(client.POST('/api/v1/channels/create', { params: none, body })),
			/** The direct conversation with a person, made if there is none. */
			direct: (userId: string) => unwrap(client.GET('/api/v1/channels/users/{id}', { params: at(userId) })),
			update: (
				id: string,
				body: {
					name: string;
					description?: string | null;
					access_control?: unknown;
					is_private?: boolean | null;
				},
			) => unwrap(client.POST('/api/v1/channels/{id}/update', { params: at(id), body })),
			remove: (id: string) => unwrap(client.DELETE('/api/v1/channels/{id}/delete', { params: at(id) })),
			/** Moves the read marker, also back. */
			read: (id: string, read_no: number) =>
				unwrap(client.POST('/api/v1/channels/{id}/read', { params: at(id), body: { read_no } })),
			members: (id: string, page = 1, query = '') =>
				unwrap(
					client.GET('/api/v1/channels/{id}/members', { params: { path: { id }, query: { page, query } } }),
				),
			setActive: (id: string, is_active: boolean) =>
				unwrap(client.POST('/api/v1/channels/{id}/members/active', { params: at(id), body: { is_active } })),
			addMembers: (id: string, user_ids: string[]) =>
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
			leave: (id: string) => unwrap(client.POST('/api/v1/channels/{id}/leave', { params: at(id), body: {} })),
			messages: (id: string, skip: number, limit: number) =>
				unwrap(
					client.GET('/api/v1/channels/{id}/messages', { params: { path: { id }, query: { skip, limit } } }),
				),
			post: (id: string, body: NewMessage) =>
				unwrap(client.POST('/api/v1/channels/{id}/messages/post', { params: at(id), body })),
			edit: (id: string, mid: string, content: string) =>
				unwrap(
					client.POST('/api/v1/channels/{id}/messages/{mid}/update', {
						params: { path: { id, mid } },
						body: { content },
					}),
				),
			removeMessage: (id: string, mid: string) =>
				unwrap(client.DELETE('/api/v1/channels/{id}/messages/{mid}/delete', { params: { path: { id, mid } } })),
		},

		chats: {
			list: (page = 1) => unwrap(client.GET('/api/v1/chats/', { params: { path: {}, query: { page } } })),
			get: (id: string) => unwrap(client.GET('/api/v1/chats/{id}', { params: at(id) })),
			create: (chat: ChatBody) => unwrap(client.POST('/api/v1/chats/new', { params: none, body: { chat } })),
			update: (id: string, chat: Partial<ChatBody>) =>
				unwrap(client.POST('/api/v1/chats/{id}', { params: at(id), body: { chat } })),
			remove: (id: string) => unwrap(client.DELETE('/api/v1/chats/{id}', { params: at(id) })),
			/** Starts an answer that arrives as events on the socket. */
			complete: (body: CompletionRequest) => unwrap(client.POST('/api/chat/completions', { params: none, body })),
			/** Asks a model without a chat and reads its answer piece by piece. */
			stream: (body: CompletionRequest, signal?: AbortSignal) =>
				completionStream(call, `${baseUrl}/api/chat/completions`, headers(), { ...body, stream: true }, signal),
			runningTasks: async (id: string) =>
				(await unwrap(client.GET('/api/tasks/chat/{id}', { params: at(id) }))).task_ids,
		},
	};
}
