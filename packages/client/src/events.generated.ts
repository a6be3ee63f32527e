// Generated from crates/wire. Do not edit; run `cargo xtask update`.
import type { components } from './schema.ts';

type Schemas = components['schemas'];

/** Where an event stands in its room. `seq` is contiguous per room, `at` is the commit time in milliseconds. */
export interface Numbered {
	room?: string;
	seq?: number;
	at?: number;
}

/** What the server may push: name to payload. */
export interface ServerEventPayloads {
	'events:channel': Schemas['ChannelPush'] & Numbered;
	'events': Schemas['ChatPush'] & Numbered;
	'events:memory': Schemas['MemoryPush'] & Numbered;
	'ready': Schemas['Ready'] & Numbered;
	'resumed': Schemas['Resumed'] & Numbered;
	'joined': Schemas['Joined'] & Numbered;
	'left': Schemas['Left'] & Numbered;
	'events:read': Schemas['ReadMarker'] & Numbered;
	'events:presence': Schemas['Presence'] & Numbered;
	'events:people': Schemas['PeopleChange'] & Numbered;
	'channel:updated': Schemas['ChannelChange'] & Numbered;
	'channel:deleted': Schemas['ChannelDeleted'] & Numbered;
	'member:joined': Schemas['MemberJoined'] & Numbered;
	'member:left': Schemas['MemberLeft'] & Numbered;
	'channel:added': Schemas['ChannelSeen'] & Numbered;
	'channel:removed': Schemas['ChannelSeen'] & Numbered;
}

export type ServerEventName = keyof ServerEventPayloads;

/** Every event the server may push. */
export const SERVER_EVENT_NAMES: readonly ServerEventName[] = [
	'events:channel',
	'events',
	'events:memory',
	'ready',
	'resumed',
	'joined',
	'left',
	'events:read',
	'events:presence',
	'events:people',
	'channel:updated',
	'channel:deleted',
	'member:joined',
	'member:left',
	'channel:added',
	'channel:removed',
];

/** Every event a client may send. */
export const CLIENT_EVENT_NAMES = [
	'user-join',
	'join-channels',
	'heartbeat',
	'usage',
	'events:channel',
	'resume',
] as const;
