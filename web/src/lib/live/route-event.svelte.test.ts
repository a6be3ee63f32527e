import { SERVER_EVENT_NAMES, type Message, type ServerEvent } from '@tidings/client';
import { describe, expect, it, vi } from 'vitest';
import { Channels } from '../channels/channels.svelte';
import { Members } from '../channels/members.svelte';
import { Messages } from '../channels/messages.svelte';
import { Typing } from '../channels/typing.svelte';
import { Chats } from '../chat/chats.svelte';
import { Conversations } from '../chat/conversations.svelte';
import { Memory } from '../memory/memory.svelte';
import { Notices } from '../notifications/notices.svelte';
import { People } from '../people/people.svelte';
import { routeEvent, type Targets } from './route-event';

const channel = {
	id: 'c',
	user_id: 'ada',
	type: null,
	name: 'launch',
	description: null,
	is_private: null,
	created_at: 1,
	updated_at: 1,
};

const message: Message = {
	id: 'm1',
	user_id: 'ada',
	channel_id: 'c',
	reply_to_id: null,
	parent_id: null,
	content: 'hi',
	data: null,
	meta: null,
	created_at: 5,
	updated_at: 5,
	no: 1,
	user: { id: 'ada', name: 'Ada' },
};

function world() {
	const list = vi.fn(async () => []);
	const nothing = async () => undefined as never;
	const api = { list, get: nothing, create: nothing, direct: nothing, members: nothing, messages: async () => [] };
	const people = new People({ id: 'me', name: 'Me' }, async () => null);
	const shown: string[] = [];
	const to: Targets = {
		people,
		channels: new Channels(api, people),
		messages: new Messages({ ...api, post: nothing, edit: nothing, removeMessage: nothing }),
		members: new Members(api, people),
		typing: new Typing('me'),
		chats: new Chats({ list, update: nothing, remove: nothing }),
		conversations: new Conversations({
			get: nothing,
			create: nothing,
			update: nothing,
			complete: nothing,
			runningTasks: nothing,
		}),
		notices: new Notices(
			{ show: (one) => void shown.push(`${one.author} ${one.where}`), dismiss() {} },
			() => true,
		),
		memory: new Memory(
			{
				blocks: nothing,
				block: nothing,
				create: nothing,
				update: nothing,
				remove: nothing,
				proposals: nothing,
				approve: nothing,
				reject: nothing,
			},
			'me',
			{ updated() {}, proposed() {}, dismiss() {} },
			() => true,
		),
		meChanged: vi.fn(),
	};
	to.channels.put({ ...channel, last_message_at: null, unread_count: 0, last_no: 0, read_no: 0, read_version: 1 });
	return { to, shown, list };
}

const posted = (change: Partial<Message> = {}): ServerEvent => ({
	name: 'events:channel',
	payload: { channel_id: 'c', message_id: 'm1', data: { type: 'message', data: { ...message, ...change } } },
});

describe('routeEvent', () => {
	it('counts a message, toasts it, and clears the count when it is read in any tab', () => {
		const { to, shown } = world();
		routeEvent(posted(), to);
		expect([to.channels.unread.of('c'), shown]).toEqual([1, ['Ada #launch']]);
		const payload = { channel_id: 'c', read_no: 1, mentions: 0, version: 2 };
		routeEvent({ name: 'events:read', payload }, to);
		expect(to.channels.unread.of('c')).toBe(0);
	});

	it('does not toast our own message from another tab', () => {
		const { to, shown } = world();
		routeEvent(posted({ user_id: 'me' }), to);
		expect(shown).toEqual([]);
	});

	it('renames and removes channels', () => {
		const { to } = world();
		routeEvent({ name: 'channel:updated', payload: { channel: { ...channel, name: 'orbit' } } }, to);
		expect(to.channels.rooms.map((row) => row.name)).toEqual(['orbit']);
		routeEvent({ name: 'channel:removed', payload: { channel_id: 'c' } }, to);
		expect(to.channels.rooms).toEqual([]);
	});

	it('fetches the list when a channel appears', () => {
		const { to, list } = world();
		routeEvent({ name: 'channel:added', payload: { channel_id: 'd' } }, to);
		expect(list).toHaveBeenCalledOnce();
	});

	it('keeps the chat list in step', () => {
		const { to } = world();
		const event = (data: object): ServerEvent =>
			({ name: 'events', payload: { chat_id: 'k', message_id: null, data } }) as ServerEvent;
		routeEvent(event({ type: 'chat:list', data: { chat_id: 'k', title: 'New chat', updated_at: 3 } }), to);
		routeEvent(event({ type: 'chat:title', data: 'Reasons' }), to);
		expect(to.chats.rows.map((row) => row.title)).toEqual(['Reasons']);
		routeEvent(event({ type: 'chat:list', data: { chat_id: 'k', deleted: true } }), to);
		expect(to.chats.rows).toEqual([]);
	});

	it('says how many proposals wait', () => {
		const { to } = world();
		const from = { diff_id: null, agent_id: null, thread_id: null, confidence: null };
		const data = { block_id: 'b', count: 1, total: 4, ...from };
		routeEvent({ name: 'events:memory', payload: { type: 'diff:pending', data, seq: 3 } }, to);
		expect(to.memory.counts.total).toBe(4);
	});

	it('survives kinds that it does not know', () => {
		const { to } = world();
		const unknown = { chat_id: null, message_id: null, channel_id: 'c', data: { type: 'of:the:future' } };
		for (const name of ['events', 'events:channel'] as const) {
			expect(() => routeEvent({ name, payload: unknown } as unknown as ServerEvent, to)).not.toThrow();
		}
	});

	it('has a way for every name', () => {
		expect(new Set(SERVER_EVENT_NAMES).size).toBe(SERVER_EVENT_NAMES.length);
	});
});
