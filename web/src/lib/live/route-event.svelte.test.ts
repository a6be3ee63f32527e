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
import { fakePeople } from '../people/fake-people';
import { FakeLive, settled, snapshotOf } from './fake-live';
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

async function world() {
	const live = new FakeLive();
	const row = { ...channel, last_message_at: null, unread_count: 0, last_no: 0, read_no: 0, read_version: 1 };
	const list = vi.fn(async () => snapshotOf([row]));
	const nothing = async () => undefined as never;
	const none = async () => snapshotOf([]);
	const people = fakePeople(live);
	const shown: string[] = [];
	const to: Targets = {
		people,
		channels: new Channels({ get: nothing, create: nothing, direct: nothing, channels: list }, people, live),
		messages: new Messages({ messages: none }, live),
		members: new Members({ channel: nothing, members: nothing }, people, live),
		typing: new Typing('me'),
		chats: new Chats({ list: nothing, update: nothing, remove: nothing, chats: none }, 'me', live),
		conversations: new Conversations({
			api: { chat: nothing, create: nothing, update: nothing, complete: nothing, runningTasks: nothing },
			live,
			meId: 'me',
		}),
		notices: new Notices(
			{ show: (one) => void shown.push(`${one.author} ${one.where}`), dismiss() {} },
			() => true,
		),
		memory: new Memory(
			{
				blocks: async () => snapshotOf({ blocks: [], total: 0 }),
				block: nothing,
				create: nothing,
				update: nothing,
				remove: nothing,
				proposals: nothing,
				approve: nothing,
				reject: nothing,
			},
			'me',
			live,
			{ updated() {}, proposed() {}, dismiss() {} },
			() => true,
		),
		meChanged: vi.fn(),
	};
	for (const store of [to.people, to.channels, to.chats, to.memory]) store.open();
	await settled();
	/** As the connection does: whoever follows the room first, then everybody else. */
	const hear = (room: string, event: ServerEvent, isNews = true) => {
		live.tell(room, event);
		routeEvent({ ...event, payload: { ...event.payload, room, seq: 1 } } as ServerEvent, to, isNews);
	};
	return { to, shown, list, hear };
}

const posted = (change: Partial<Message> = {}): ServerEvent => ({
	name: 'events:channel',
	payload: { channel_id: 'c', message_id: 'm1', data: { type: 'message', data: { ...message, ...change } } },
});

describe('routeEvent', () => {
	it('counts a message, toasts it, and clears the count when it is read in any tab', async () => {
		const { to, shown, hear } = await world();
		hear('channel:c', posted());
		expect([to.channels.unread.of('c'), shown]).toEqual([1, ['Ada #launch']]);
		const payload = { channel_id: 'c', read_no: 1, mentions: 0, version: 2 };
		routeEvent({ name: 'events:read', payload }, to, true);
		expect(to.channels.unread.of('c')).toBe(0);
	});

	it('counts what was missed, and does not tell it one by one', async () => {
		const { to, shown, hear } = await world();
		hear('channel:c', posted(), false);
		expect([to.channels.unread.of('c'), shown]).toEqual([1, []]);
	});

	it('does not toast our own message from another tab', async () => {
		const { shown, hear } = await world();
		hear('channel:c', posted({ user_id: 'me' }));
		expect(shown).toEqual([]);
	});

	it('renames and removes channels', async () => {
		const { to, hear } = await world();
		hear('channel:c', { name: 'channel:updated', payload: { channel: { ...channel, name: 'orbit' } } });
		expect(to.channels.rooms.map((row) => row.name)).toEqual(['orbit']);
		hear('channel:c', { name: 'channel:removed', payload: { channel_id: 'c' } });
		expect(to.channels.rooms).toEqual([]);
	});

	it('fetches the list when a channel appears', async () => {
		const { list, hear } = await world();
		hear('user:me', { name: 'channel:added', payload: { channel_id: 'd' } });
		await settled();
		expect(list).toHaveBeenCalledTimes(2);
	});

	it('keeps the chat list in step', async () => {
		const { to, hear } = await world();
		const event = (data: object): ServerEvent =>
			({ name: 'events', payload: { chat_id: 'k', message_id: null, data } }) as ServerEvent;
		hear('user:me', event({ type: 'chat:list', data: { chat_id: 'k', title: 'New chat', updated_at: 3 } }));
		hear('user:me', event({ type: 'chat:title', data: 'Reasons' }));
		expect(to.chats.rows.map((row) => row.title)).toEqual(['Reasons']);
		hear('user:me', event({ type: 'chat:list', data: { chat_id: 'k', deleted: true } }));
		expect(to.chats.rows).toEqual([]);
	});

	it('says how many proposals wait', async () => {
		const { to, hear } = await world();
		const from = { diff_id: null, agent_id: null, thread_id: null, confidence: null };
		const data = { block_id: 'b', count: 1, total: 4, ...from };
		hear('user:me', { name: 'events:memory', payload: { type: 'diff:pending', data } });
		expect(to.memory.counts.total).toBe(4);
	});

	it('survives kinds that it does not know', async () => {
		const { to } = await world();
		const unknown = { chat_id: null, message_id: null, channel_id: 'c', data: { type: 'of:the:future' } };
		for (const name of ['events', 'events:channel'] as const) {
			expect(() => routeEvent({ name, payload: unknown } as unknown as ServerEvent, to, true)).not.toThrow();
		}
	});

	it('has a way for every name', () => {
		expect(new Set(SERVER_EVENT_NAMES).size).toBe(SERVER_EVENT_NAMES.length);
	});
});
