import { Unreachable, type ChannelEventData, type Message } from '@tidings/client';
import { describe, expect, it, vi } from 'vitest';
import { FakeLive, settled, snapshotOf } from '../live/fake-live';
import { MAX_AGAIN, MessageList, Messages, PAGE } from './messages.svelte';

function message(no: number, change: Partial<Message> = {}): Message {
	return {
		id: `m${no}`,
		user_id: 'ada',
		channel_id: 'c',
		reply_to_id: null,
		parent_id: null,
		content: `text ${no}`,
		data: null,
		meta: null,
		created_at: no * 1e9,
		updated_at: no * 1e9,
		no,
		...change,
	};
}

/** A channel on a server: newest first by pages. */
class FakeChannel {
	stored: Message[];
	fail: Error | null = null;
	live = new FakeLive();

	constructor(count: number) {
		this.stored = Array.from({ length: count }, (_, at) => message(at + 1));
	}

	messages = async (_: string, skip: number, limit: number) => {
		if (this.fail) throw this.fail;
		return snapshotOf(this.stored.toReversed().slice(skip, skip + limit));
	};

	tell(data: ChannelEventData) {
		this.live.tell('channel:c', { name: 'events:channel', payload: { channel_id: 'c', data } });
	}

	async opened(downTo?: number) {
		const list = new MessageList('c', this, this.live);
		list.open(downTo);
		await settled();
		return list;
	}
}

const nos = (list: MessageList) => list.messages.map((one) => one.no);

describe('MessageList', () => {
	it('reads the newest page first and older ones upwards until there are none', async () => {
		const list = await new FakeChannel(PAGE + 3).opened();
		expect([nos(list)[0], list.messages.length, list.older]).toEqual([4, PAGE, 'more']);
		await list.loadOlder();
		expect([nos(list)[0], list.messages.length, list.older]).toEqual([1, PAGE + 3, 'none']);
	});

	it('reaches down to where one was reading before', async () => {
		const list = await new FakeChannel(700).opened(120);
		expect(nos(list)[0]).toBeLessThanOrEqual(120);
		expect(list.older).toBe('more');
	});

	it('goes back to where something begins, in few calls, also while a page is under way', async () => {
		const channel = new FakeChannel(1_000);
		const list = await channel.opened();
		expect([list.isAbove(300), list.isAbove(950)]).toEqual([true, false]);
		const asked = vi.spyOn(channel, 'messages');
		void list.loadOlder();
		await list.reach(300);
		expect([list.isAbove(300), asked.mock.calls.length]).toEqual([false, 5]);
		const all = channel.stored.map((one) => one.no);
		expect(nos(list)).toEqual(all.slice(-list.messages.length));
	});

	it('stops on its way back when a page cannot be loaded, and goes on later', async () => {
		const channel = new FakeChannel(1_000);
		const list = await channel.opened();
		channel.fail = new Unreachable('offline');
		await list.reach(300);
		expect([list.messages.length, list.older, list.isAbove(300)]).toEqual([PAGE, 'failed', true]);
		channel.fail = null;
		await list.reach(300);
		expect(list.isAbove(300)).toBe(false);
	});

	it('equals a fresh load after coming back: edits, removals and new messages', async () => {
		const channel = new FakeChannel(PAGE + 10);
		const list = await channel.opened();
		await list.loadOlder();
		channel.stored = channel.stored.filter((one) => one.no !== 30);
		channel.stored[0] = { ...channel.stored[0]!, content: 'edited', updated_at: 99e9 };
		channel.stored.push(message(PAGE + 11));
		channel.live.lose();
		await settled();
		const fresh = await channel.opened();
		await fresh.loadOlder();
		expect(list.messages).toEqual(fresh.messages);
	});

	it('follows what is posted, edited and deleted', async () => {
		const channel = new FakeChannel(2);
		const list = await channel.opened();
		channel.tell({ type: 'message', data: message(3) });
		channel.tell({ type: 'message:update', data: message(1, { content: 'edited', updated_at: 9e9 }) });
		channel.tell({ type: 'message:delete', data: message(2) });
		expect([nos(list), list.messages[0]?.content]).toEqual([[1, 3], 'edited']);
	});

	it('keeps an event that arrives while a page is under way', async () => {
		const channel = new FakeChannel(2);
		const list = new MessageList('c', channel, channel.live);
		list.open();
		channel.tell({ type: 'message', data: message(3) });
		await settled();
		expect(nos(list)).toEqual([1, 2, 3]);
	});

	it('fetches again when older pages have shifted, rather than leave a hole', async () => {
		const channel = new FakeChannel(2 * PAGE + 10);
		const list = await channel.opened();
		// Two of the page that is held are gone on the server, and nobody has said so yet.
		channel.stored = channel.stored.filter((one) => ![100, 101].includes(one.no ?? 0));
		await list.loadOlder();
		await settled();
		await list.loadOlder();
		const fresh = await channel.opened(1);
		expect(nos(list)).toEqual(nos(fresh).slice(-list.messages.length));
	});

	it('begins anew at the newest page when too much was missed to reach what was held, and has no hole', async () => {
		const channel = new FakeChannel(PAGE);
		const list = await channel.opened();
		for (let no = PAGE + 1; no <= MAX_AGAIN + 3 * PAGE; no += 1) channel.stored.push(message(no));
		channel.live.lose();
		await vi.waitFor(() => expect(list.fetched).toBe(2));
		const all = channel.stored.map((one) => one.no);
		expect([nos(list), list.older]).toEqual([all.slice(-PAGE), 'more']);
		for (let page = 0; page < 3; page += 1) await list.loadOlder();
		expect(nos(list)).toEqual(all.slice(-4 * PAGE));
	});

	it('fetches again rather than leave out what a deletion moved from one page to the other', async () => {
		const channel = new FakeChannel(500);
		const list = await channel.opened(1);
		expect(nos(list)).toHaveLength(500);
		const answer = channel.messages;
		let deletes = 1;
		channel.messages = async (id, skip, limit) => {
			if (skip > 0 && deletes-- > 0) channel.stored.splice(-2);
			return answer(id, skip, limit);
		};
		channel.live.lose();
		await settled();
		await list.reload();
		expect(nos(list)).toEqual(channel.stored.map((one) => one.no));
	});

	it('does not bring back what was removed, unless the server has it again', async () => {
		const channel = new FakeChannel(2);
		const list = await channel.opened();
		list.drop('m1');
		list.put(message(1));
		expect(nos(list)).toEqual([2]);
		await list.reload();
		expect(nos(list)).toEqual([1, 2]);
	});

	it('says when it could not be loaded and tries again', async () => {
		const channel = new FakeChannel(1);
		channel.fail = new Unreachable(null);
		const list = await channel.opened();
		expect(list.state).toBe('failed');
		channel.fail = null;
		list.retry();
		expect(list.state).toBe('loading');
		await settled();
		expect(list.state).toBe('ready');
	});
});

describe('Messages', () => {
	it('keeps the channels that were opened last', async () => {
		const messages = new Messages(new FakeChannel(1), new FakeLive());
		const first = messages.of('c0');
		for (let at = 1; at < 20; at += 1) messages.of(`c${at}`);
		expect(messages.of('c0')).toBe(first);
		messages.of('c20');
		expect([messages.held('c0'), messages.held('c1')]).toEqual([first, undefined]);
	});
});
