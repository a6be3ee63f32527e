/**
 * What events do besides changing content: signals and states go to who shows them, news to those who tell it. Content
 * follows the rooms by itself (see `followed.svelte.ts`). Nothing is decided here beyond where it goes.
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

/** `isNews`: it happens now. What was missed is counted, and not told one by one. */
export function routeEvent(event: ServerEvent, to: Targets, isNews: boolean): void {
	switch (event.name) {
		case 'ready':
		case 'resumed':
		case 'joined':
		case 'left':
		case 'channel:updated':
		case 'channel:added':
		case 'member:left':
			return;
		case 'events':
			if (event.payload.seq === undefined) to.conversations.hear(event.payload);
			return isNews ? tellAnswer(event.payload, to) : undefined;
		case 'events:channel':
			return routeChannel(event.payload, to, isNews);
		case 'events:memory':
			return isNews ? to.memory.heard(event.payload) : undefined;
		case 'events:read':
			to.channels.unread.marked(event.payload);
			return to.notices.read(event.payload.channel_id, event.payload.read_no);
		case 'events:presence':
			return to.people.presence(event.payload);
		case 'events:people':
			if (event.payload.user.id === to.people.meId) to.meChanged(event.payload.user);
			return;
		case 'channel:deleted':
		case 'channel:removed':
			to.messages.forget(event.payload.channel_id);
			return to.members.forget(event.payload.channel_id);
		case 'member:joined':
			return to.people.remember([event.payload.user]);
		default:
			event satisfies never;
	}
}

function routeChannel(event: ChannelEvent, to: Targets, isNews: boolean): void {
	const { data, channel_id: id } = event;
	switch (data.type) {
		case 'message':
			to.people.remember([data.data.user]);
			to.typing.posted(id, data.data.user_id);
			if (data.data.parent_id === null && isNews) tellMessage(event, to);
			return;
		case 'typing':
			if (event.user && (event.message_id ?? null) === null) to.typing.heard(id, event.user);
			return;
		case 'message:update':
		case 'message:reply':
		case 'message:reaction:add':
		case 'message:reaction:remove':
		case 'message:delete':
		case 'channel:created':
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
