/**
 * Every event's way to the state that it changes: one exhaustive switch. Nothing is decided here beyond where it goes.
 */
import { errorText, type ChannelEvent, type ChatEvent, type ServerEvent } from '@tidings/client';
import type { Channels } from '../channels/channels.svelte';
import type { Members } from '../channels/members.svelte';
import type { Messages } from '../channels/messages.svelte';
import type { Typing } from '../channels/typing.svelte';
import type { Chats } from '../chat/chats.svelte';
import type { Conversations } from '../chat/conversations.svelte';
import type { Memory } from '../memory/memory.svelte';
import { plainText, type Notices } from '../notifications/notices.svelte';
import type { People } from '../people/people.svelte';

/** Everything that events change. */
export interface Targets {
	people: People;
	channels: Channels;
	messages: Messages;
	members: Members;
	typing: Typing;
	chats: Chats;
	conversations: Conversations;
	notices: Notices;
	memory: Memory;
	/** The person at this tab was changed: name, picture or role. */
	meChanged: (change: { name: string; role?: string }) => void;
}

export function routeEvent(event: ServerEvent, to: Targets): void {
	switch (event.name) {
		case 'ready':
		case 'resumed':
		case 'joined':
		case 'left':
			return; // About the connection: the workspace has dealt with them.
		case 'events':
			return routeChat(event.payload, to);
		case 'events:channel':
			return routeChannel(event.payload, to);
		case 'events:memory':
			return to.memory.received(event.payload);
		case 'events:read':
			to.channels.unread.marked(event.payload);
			return to.notices.read(event.payload.channel_id, event.payload.read_no);
		case 'events:presence':
			return to.people.presence(event.payload);
		case 'events:people':
			to.people.changed(event.payload.user);
			if (event.payload.user.id === to.people.meId) to.meChanged(event.payload.user);
			return;
		case 'channel:updated':
			to.channels.updated(event.payload.channel);
			return to.members.channelChanged(event.payload.channel.id);
		case 'channel:deleted':
		case 'channel:removed':
			to.channels.forget(event.payload.channel_id);
			to.messages.forget(event.payload.channel_id);
			return to.members.forget(event.payload.channel_id);
		case 'channel:added':
			void to.channels.load();
			return;
		case 'member:joined':
			to.people.remember([event.payload.user]);
			return to.members.joined(event.payload.channel_id, event.payload.user);
		case 'member:left':
			return to.members.left(event.payload.channel_id, event.payload.user_id);
		default:
			event satisfies never;
	}
}

function routeChannel(event: ChannelEvent, to: Targets): void {
	const { data, channel_id: id } = event;
	switch (data.type) {
		case 'message':
			to.people.remember([data.data.user]);
			to.typing.posted(id, data.data.user_id);
			if (data.data.parent_id !== null) return;
			to.channels.arrived(id, data.data.no ?? 0, data.data.created_at);
			to.messages.held(id)?.put(data.data);
			return tellMessage(event, to);
		case 'message:update':
		case 'message:reply':
		case 'message:reaction:add':
		case 'message:reaction:remove':
			return to.messages.held(id)?.update(data.data);
		case 'message:delete':
			return to.messages.held(id)?.drop(data.data.id);
		case 'typing':
			if (event.user && (event.message_id ?? null) === null) to.typing.heard(id, event.user);
			return;
		case 'channel:created':
			void to.channels.load();
			return;
		default:
			data satisfies never;
	}
}

function tellMessage(event: ChannelEvent, to: Targets): void {
	if (event.data.type !== 'message') return;
	const message = event.data.data;
	if (message.user_id === to.people.meId) return;
	const row = to.channels.get(message.channel_id);
	const isDirect = row?.type === 'dm' || event.channel?.type === 'dm';
	to.notices.message(message.channel_id, message.no ?? 0, {
		id: message.id,
		authorId: message.user_id,
		author: to.people.name(message.user_id, message.user?.name),
		where: isDirect ? '' : `#${row?.name ?? event.channel?.name ?? ''}`,
		text: plainText(message.content),
		href: `/channels/${message.channel_id}`,
	});
}

function routeChat(event: ChatEvent, to: Targets): void {
	const { data, chat_id: id } = event;
	switch (data.type) {
		case 'chat:list':
			to.chats.listed(data.data);
			break;
		case 'chat:title':
			if (id !== null) to.chats.titled(id, data.data);
			break;
		case 'chat:completion':
		case 'chat:message:error':
			tellAnswer(event, to);
			break;
		case 'chat:messages':
		case 'chat:tasks:cancel':
		case 'message':
		case 'chat:message:delta':
		case 'replace':
		case 'chat:message':
		case 'notification':
			break;
		default:
			data satisfies never;
	}
	if (id !== null) to.conversations.held(id)?.apply(event);
}

function tellAnswer(event: ChatEvent, to: Targets): void {
	const { data, chat_id: id, message_id } = event;
	if (id === null || message_id === null || !to.conversations.isAwaitedElsewhere(id, message_id)) return;
	const failed = data.type === 'chat:message:error' ? errorText(data.data.error) : null;
	const text = failed ?? (data.type === 'chat:completion' && data.data.done ? (data.data.content ?? '') : null);
	if (text === null) return;
	to.notices.answer({
		id: message_id,
		authorId: null,
		author: to.chats.get(id)?.title ?? 'Chat',
		where: failed === null ? 'answered' : 'failed',
		text: plainText(text),
		href: `/c/${id}`,
	});
}
