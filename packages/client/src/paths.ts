/**
 * The HTTP surface that this client calls, in the shape of `openapi-typescript`, so that the types generated from the
 * server's own document can stand in for it. Only types.
 */
import type {
	AdminUser,
	Channel,
	ChannelDetail,
	ChannelRow,
	Chat,
	ChatBody,
	ChatRow,
	CompletionRequest,
	Message,
	Model,
	NewChannel,
	NewMessage,
	Page,
	ReadMarker,
	ServerConfig,
	ServerVersion,
	SessionUser,
	UserSummary,
} from './types.ts';

type Answer<Out> = { responses: { 200: { content: { 'application/json': Out } } } };
type Place<P, Q> = { parameters: { path: P; query?: Q } };
type Get<Out, P = Record<never, never>, Q = Record<never, never>> = { get: Place<P, Q> & Answer<Out> };
type Post<In, Out, P = Record<never, never>> = {
	post: Place<P, Record<never, never>> & {
		requestBody: { content: { 'application/json': In } };
	} & Answer<Out>;
};
type Delete<Out, P> = { delete: Place<P, Record<never, never>> & Answer<Out> };
type Id = { id: string };
type IdMid = { id: string; mid: string };

export interface paths {
	'/api/config': Get<ServerConfig>;
	'/api/version': Get<ServerVersion>;
	'/api/models': Get<{ data: Model[] }>;
	'/api/v1/auths/': Get<SessionUser>;
	'/api/v1/auths/signin': Post<{ email: string; password: string }, SessionUser>;
	'/api/v1/auths/signup': Post<{ name: string; email: string; password: string }, SessionUser>;
	'/api/v1/auths/signout': Post<Record<never, never>, { status: boolean }>;
	'/api/v1/auths/signout/everywhere': Post<Record<never, never>, unknown>;
	'/api/v1/auths/update/profile': Post<{ name: string; profile_image_url: string }, UserSummary>;
	'/api/v1/auths/update/password': Post<{ password: string; new_password: string }, unknown>;
	'/api/v1/users/': Get<Page<AdminUser>, Record<never, never>, { query?: string; page?: number }>;
	'/api/v1/users/search': Get<Page<UserSummary>, Record<never, never>, { query?: string; page?: number }>;
	'/api/v1/users/online': Get<{ user_ids: string[] }>;
	'/api/v1/users/{id}': Delete<unknown, Id>;
	'/api/v1/users/{id}/update': Post<{ role?: string; name?: string; email?: string }, AdminUser, Id>;
	'/api/v1/users/{id}/disable': Post<{ disabled: boolean }, unknown, Id>;
	'/api/v1/users/{id}/password': Post<{ password: string }, unknown, Id>;
	'/api/v1/channels/': Get<ChannelRow[]>;
	'/api/v1/channels/create': Post<NewChannel, Channel>;
	'/api/v1/channels/users/{id}': Get<Channel, Id>;
	'/api/v1/channels/{id}': Get<ChannelDetail, Id>;
	'/api/v1/channels/{id}/update': Post<
		{ name: string; description?: string | null; access_control?: unknown; is_private?: boolean | null },
		Channel,
		Id
	>;
	'/api/v1/channels/{id}/delete': Delete<boolean, Id>;
	'/api/v1/channels/{id}/leave': Post<Record<never, never>, boolean, Id>;
	'/api/v1/channels/{id}/read': Post<{ read_no?: number }, ReadMarker, Id>;
	'/api/v1/channels/{id}/members': Get<
		Page<UserSummary>,
		Id,
		{ query?: string; page?: number; order_by?: string; direction?: string }
	>;
	'/api/v1/channels/{id}/members/active': Post<{ is_active: boolean }, boolean, Id>;
	'/api/v1/channels/{id}/update/members/add': Post<{ user_ids: string[]; group_ids?: string[] }, unknown, Id>;
	'/api/v1/channels/{id}/update/members/remove': Post<{ user_ids: string[] }, number, Id>;
	'/api/v1/channels/{id}/messages': Get<Message[], Id, { skip?: number; limit?: number }>;
	'/api/v1/channels/{id}/messages/post': Post<NewMessage, Message, Id>;
	'/api/v1/channels/{id}/messages/{mid}/update': Post<{ content: string }, Message, IdMid>;
	'/api/v1/channels/{id}/messages/{mid}/delete': Delete<boolean, IdMid>;
	'/api/v1/chats/': Get<ChatRow[], Record<never, never>, { page?: number }>;
	'/api/v1/chats/new': Post<{ chat: ChatBody }, Chat>;
	'/api/v1/chats/{id}': Get<Chat, Id> & Post<{ chat: Partial<ChatBody> }, Chat, Id> & Delete<boolean, Id>;
	'/api/chat/completions': Post<CompletionRequest, { status: boolean; task_id: string }>;
	'/api/tasks/chat/{id}': Get<{ task_ids: string[] }, Id>;
}
