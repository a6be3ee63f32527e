/**
 * What travels between server and client: people, channels, messages, chats and models.
 *
 * Only types. Times that end in `_at` are nanoseconds for channels and messages (too large to be exact in JavaScript:
 * use `msOf`) and seconds for people and chats, as the wire contract has them.
 */

export type {
	Approve,
	Confidence,
	CreateBlock,
	MemoryBlock,
	MemoryBlocks,
	MemoryPush,
	MemoryUpdated,
	Proposal,
	Proposals,
	Reject,
	UpdateBlock,
} from './schema.ts';

export type UserId = string;
export type ChannelId = string;
export type MessageId = string;
export type ChatId = string;
/** Name of a room on the socket, for example `channel:0192…` or `user:0192…`. */
export type RoomName = string;
export type Role = 'admin' | 'user' | 'pending';

export interface PersonRef {
	id: UserId;
	name: string;
	role?: string;
}

/** What anybody signed in may know of a person. */
export interface UserSummary extends PersonRef {
	email?: string | null;
	profile_image_url?: string | null;
	is_active?: boolean;
}

/** A row of the admin's people page. */
export interface AdminUser extends UserSummary {
	email: string;
	role: Role;
	created_at?: number;
	last_active_at?: number;
	/** Disabled people cannot sign in. A time (or true) says they are. */
	disabled?: boolean;
	disabled_at?: number | null;
}

export interface SessionUser {
	token: string;
	token_type: string;
	/** Seconds since epoch, or null for a token without an end. */
	expires_at: number | null;
	id: UserId;
	email: string;
	name: string;
	role: Role;
	profile_image_url: string;
	permissions?: Record<string, unknown> | null;
}

export interface ServerConfig {
	status: boolean;
	name: string;
	version: string;
	/** True while nobody has an account: the first to sign up becomes the administrator. */
	onboarding?: boolean;
	features: Record<string, boolean | number | undefined>;
	default_models?: string | null;
}

export interface ServerVersion {
	version: string;
	deployment_id: string;
}

export type ChannelType = 'group' | 'dm' | '' | null;

/** Who may read and write; null for everybody. */
export interface AccessControl {
	read?: { group_ids?: string[]; user_ids?: UserId[] } | null;
	write?: { group_ids?: string[]; user_ids?: UserId[] } | null;
}

export interface Channel {
	id: ChannelId;
	user_id: UserId;
	type: ChannelType;
	name: string;
	description: string | null;
	is_private: boolean | null;
	access_control?: AccessControl | null;
	created_at: number;
	updated_at: number;
}

/** The two absolute numbers that unread is the difference of, with the version of the marker. */
export interface Counts {
	/** `no` of the newest top-level message; 0 without any. */
	last_no: number;
	/** Highest `no` that this person has read. */
	read_no: number;
	read_version: number;
	mentions?: number;
}

/** A row of the channel list. */
export interface ChannelRow extends Channel, Partial<Counts> {
	users?: UserSummary[] | null;
	user_ids?: UserId[] | null;
	last_message_at: number | null;
	unread_count: number;
}

export interface ChannelDetail extends Channel, Partial<Counts> {
	is_manager: boolean;
	write_access: boolean;
	user_count: number;
	user_ids?: UserId[] | null;
	users?: UserSummary[] | null;
	unread_count: number;
}

export interface ReadMarker {
	channel_id: ChannelId;
	read_no: number;
	mentions: number;
	version: number;
}

export interface Message {
	id: MessageId;
	user_id: UserId;
	channel_id: ChannelId;
	reply_to_id: MessageId | null;
	parent_id: MessageId | null;
	content: string;
	data: unknown;
	meta: Record<string, unknown> | null;
	/** Nanoseconds. */
	created_at: number;
	/** Nanoseconds; larger than `created_at` once edited. */
	updated_at: number;
	/** Place in its channel, contiguous from 1; null for replies in a thread. */
	no?: number | null;
	temp_id?: string | null;
	user?: PersonRef | null;
	reply_count?: number;
	latest_reply_at?: number | null;
}

export interface NewMessage {
	content: string;
	temp_id: string;
	parent_id?: MessageId | null;
	reply_to_id?: MessageId | null;
}

export interface NewChannel {
	name: string;
	type?: ChannelType;
	description?: string | null;
	is_private?: boolean;
	user_ids?: UserId[];
	access_control?: AccessControl | null;
}

export interface Page<T> {
	users: T[];
	total: number;
}

export interface Model {
	id: string;
	name: string;
	owned_by?: string;
	info?: { meta?: { description?: string | null } | null } | null;
	tags?: { name: string }[];
}

/** One message of a chat. Times are seconds. */
export interface ChatMessage {
	id: MessageId;
	parentId: MessageId | null;
	childrenIds: MessageId[];
	role: string;
	content: string;
	timestamp: number;
	models?: string[];
	model?: string;
	modelName?: string;
	modelIdx?: number;
	done?: boolean;
	error?: { content?: unknown } | boolean | string | null;
	usage?: unknown;
}

export interface ChatHistory {
	currentId: MessageId | null;
	messages: Record<MessageId, ChatMessage>;
}

export interface ChatBody {
	id?: ChatId;
	title: string;
	models: string[];
	params?: Record<string, unknown>;
	history: ChatHistory;
	messages?: ChatMessage[];
	tags?: string[];
	/** Milliseconds. */
	timestamp?: number;
}

export interface Chat {
	id: ChatId;
	user_id: UserId;
	title: string;
	chat: ChatBody;
	/** Seconds. */
	updated_at: number;
	created_at: number;
	archived?: boolean;
	pinned?: boolean | null;
}

/** A row of the chat list, newest first. */
export interface ChatRow {
	id: ChatId;
	title: string;
	updated_at: number;
	created_at: number;
}

export interface CompletionRequest {
	stream: boolean;
	model: string;
	messages: { role: string; content: string }[];
	/** With all three of `session_id`, `chat_id` and `id` the answer comes as events on the socket. */
	session_id?: string;
	chat_id?: ChatId;
	/** Id of the answer's message. */
	id?: MessageId;
	/** Id of the question's message. */
	parent_id?: MessageId;
	parent_message?: ChatMessage;
	params?: Record<string, unknown>;
	background_tasks?: { title_generation?: boolean; tags_generation?: boolean; follow_up_generation?: boolean };
}

/** Milliseconds of a time in nanoseconds. */
export function msOf(ns: number): number {
	return Math.floor(ns / 1e6);
}
