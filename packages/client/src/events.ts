/**
 * Every event on the socket, in both directions: name to payload. Only types.
 *
 * Numbered events carry `room`, `seq` and `at` at their top level; states carry `version`; signals carry neither.
 */
import type { ServerEventName as Pushed } from './events.generated.ts';
import type { MemoryPush } from './schema.ts';
import type {
	Channel,
	ChannelId,
	ChatId,
	ChatMessage,
	Message,
	MessageId,
	PersonRef,
	ReadMarker,
	RoomName,
	UserId,
	UserSummary,
} from './types.ts';

/** Where an event stands in its room. `seq` is contiguous per room, `at` is the commit time in milliseconds. */
export interface Numbered {
	room?: RoomName;
	seq?: number;
	at?: number;
}

export type Position = [seq: number, at: number];

/** What became of one room of a socket that came back. */
export interface Recovered {
	/** Everything that was missed has been sent. False: fetch the room's content anew. */
	recovered: boolean;
	/** Where the room is live from. */
	position: Position;
}

/** Every room that was claimed is live. */
export interface Resumed {
	rooms: Record<RoomName, Recovered>;
}

export interface Ready {
	user_id: UserId;
	/** All rooms of this socket with the position of their heads. */
	rooms: Record<RoomName, Position>;
}

/** Inside `events:channel`, told apart by `type`. */
export type ChannelEventData =
	| { type: 'message'; data: Message }
	| { type: 'message:update'; data: Message }
	| { type: 'message:delete'; data: Message }
	| { type: 'message:reply'; data: Message }
	| { type: 'message:reaction:add'; data: Message & { name: string } }
	| { type: 'message:reaction:remove'; data: Message & { name: string } }
	| { type: 'typing'; data: { typing: boolean } }
	| { type: 'channel:created'; data?: undefined };

export interface ChannelEvent extends Numbered {
	channel_id: ChannelId;
	message_id?: MessageId | null;
	data: ChannelEventData;
	user?: PersonRef;
	channel?: Channel;
}

/** What a piece of an answer looks like on the socket: append, replace, fail or finish. */
export interface CompletionData {
	choices?: { delta?: { content?: string | null }; message?: { content?: string | null } }[];
	/** Replaces the text. */
	content?: string;
	done?: boolean;
	title?: string;
	error?: unknown;
	usage?: unknown;
}

/** Inside `events`, told apart by `type`. */
export type ChatEventData =
	| { type: 'chat:completion'; data: CompletionData }
	| { type: 'chat:messages'; data: { currentId: MessageId | null; messages: Record<MessageId, ChatMessage> } }
	| { type: 'chat:list'; data?: { chat_id?: ChatId; title?: string; updated_at?: number; deleted?: boolean } }
	| { type: 'chat:title'; data: string }
	| { type: 'chat:message:error'; data: { error: unknown } }
	| { type: 'chat:tasks:cancel'; data?: undefined }
	| { type: 'message'; data: { content: string } }
	| { type: 'chat:message:delta'; data: { content: string } }
	| { type: 'replace'; data: { content: string } }
	| { type: 'chat:message'; data: { content: string } }
	| { type: 'notification'; data: { type: 'success' | 'error' | 'warning' | 'info'; content: string } };

export interface ChatEvent extends Numbered {
	chat_id: ChatId | null;
	message_id: MessageId | null;
	data: ChatEventData;
	/** Where a piece stands: byte offset in the text of its run. */
	run?: { id: string; offset: number };
}

export interface PresenceState {
	user_id: UserId;
	online: boolean;
	version: number;
}

/** The socket entered a room; what follows in it is numbered above `position`. */
export interface Joined {
	room: RoomName;
	position: Position;
}

/** Memory blocks and proposals; every count in it is absolute. */
export type MemoryEvent = Numbered & MemoryPush;

export interface ServerPayloads {
	ready: Ready;
	resumed: Resumed;
	joined: Joined;
	left: { room: RoomName };
	events: ChatEvent;
	'events:channel': ChannelEvent;
	'events:memory': MemoryEvent;
	'events:read': ReadMarker;
	'events:presence': PresenceState;
	'events:people': Numbered & { user: UserSummary; removed?: boolean };
	'channel:updated': Numbered & { channel: Channel };
	'channel:deleted': Numbered & { channel_id: ChannelId };
	'channel:added': Numbered & { channel_id: ChannelId };
	'channel:removed': Numbered & { channel_id: ChannelId };
	'member:joined': Numbered & { channel_id: ChannelId; user: PersonRef };
	'member:left': Numbered & { channel_id: ChannelId; user_id: UserId };
}

export type ServerEventName = keyof ServerPayloads;
/** Any event with its name: what a switch over all of them takes. */
export type ServerEvent = { [N in ServerEventName]: { name: N; payload: ServerPayloads[N] } }[ServerEventName];
export type ServerEvents = { [N in ServerEventName]: (payload: ServerPayloads[N]) => void };

export const SERVER_EVENT_NAMES = [
	'ready',
	'resumed',
	'joined',
	'left',
	'events',
	'events:channel',
	'events:memory',
	'events:read',
	'events:presence',
	'events:people',
	'channel:updated',
	'channel:deleted',
	'channel:added',
	'channel:removed',
	'member:joined',
	'member:left',
] as const satisfies readonly ServerEventName[];

/** A name that the server pushes and that stands nowhere here does not compile. */
type Complete<_Missing extends never> = true;
export type EveryEventIsSpoken = Complete<Exclude<Pushed, ServerEventName>>;

/** An event that has a place in its room: what changes content. */
export type NumberedEvent = ServerEvent & { payload: { room: RoomName; seq: number; at: number } };

/** The event as one that has a place in its room; null for states, signals and what is about the connection. */
export function numbered(event: ServerEvent): NumberedEvent | null {
	const { room, seq, at } = event.payload as Numbered;
	return room !== undefined && seq !== undefined && at !== undefined ? (event as NumberedEvent) : null;
}

export type ChannelCommand =
	{ type: 'typing'; data: { typing: boolean } } | { type: 'last_read_at'; data?: { read_no?: number } };

/** What a client may send; with an ack where the last argument is a function. */
export interface ClientEvents {
	heartbeat: (empty: Record<never, never>, answer?: () => void) => void;
	'events:channel': (command: { channel_id: ChannelId; message_id: MessageId | null; data: ChannelCommand }) => void;
	'join-channels': (auth: { auth: { token: string } }) => void;
	/** Asks again for what was missed in rooms that the socket is in. */
	resume: (claims: Record<RoomName, Position>, answer: (resumed?: Resumed) => void) => void;
}
