import { ApiError, type MemoryBlock, type MemoryEvent, type MemoryUpdated, type Proposal } from '@tidings/client';
import { describe, expect, it, vi } from 'vitest';
import { FakeLive, settled } from '../live/fake-live';
import { Memory, agentName, changeText } from './memory.svelte';

const goals: MemoryBlock = {
	id: 'goals',
	user_id: 'me',
	name: 'Goals',
	body: 'Ship in December.',
	version: 1,
	created_at_ms: 1,
	updated_at_ms: 1,
	pending: 1,
};

const proposal: Proposal = {
	id: 'p1',
	block_id: 'goals',
	block_name: 'Goals',
	agent_id: 'k1',
	agent_name: 'Memory keeper',
	base_version: 1,
	old_value: 'Ship in December.',
	new_value: 'Ship on Monday.',
	reasoning: '',
	confidence: 'high',
	thread_id: null,
	status: 'pending',
	block_version: 1,
	created_at_ms: 1,
	decided_at_ms: null,
};

function world({ looked = true } = {}) {
	const server = { blocks: [goals], proposals: [proposal] };
	const live = new FakeLive();
	const api = {
		blocks: vi.fn(async () => ({
			body: { blocks: server.blocks, total: server.proposals.length },
			heads: {},
		})),
		proposals: vi.fn(async () => ({
			body: { proposals: server.proposals, total: server.proposals.length },
			heads: {},
		})),
		block: async () => goals,
		create: async () => goals,
		update: vi.fn(async () => ({ ...goals, body: 'Mine.', version: 2 })),
		remove: async () => true,
		approve: vi.fn(async () => ({ ...goals, body: 'Ship on Monday.', version: 2, pending: 0 })),
		reject: vi.fn(async () => proposal),
	};
	const told: string[] = [];
	const toaster = {
		updated: vi.fn((change: MemoryUpdated) => void told.push(changeText(change))),
		proposed: vi.fn((made: Proposal) => void told.push(`${made.agent_name} on ${made.block_name}`)),
		dismiss: vi.fn(),
	};
	const memory = new Memory(api, 'me', live, toaster, () => looked);
	/** As the workspace does: content follows, and what is news is told. */
	const hear = (event: MemoryEvent) => {
		live.tell('user:me', { name: 'events:memory', payload: event });
		memory.heard(event);
	};
	const opened = async ({ review = false } = {}) => {
		memory.open();
		if (review) {
			memory.reviewing(true);
			memory.reviewing(false);
		}
		await settled();
	};
	return { memory, api, server, told, toaster, hear, opened };
}

const pending = (count: number, diff_id: string | null = null): MemoryEvent => ({
	type: 'diff:pending',
	data: { block_id: 'goals', count, total: count, diff_id, agent_id: null, thread_id: null, confidence: null },
});

const updated = (version: number): MemoryEvent => ({
	type: 'memory:updated',
	data: { block_id: 'goals', block_name: 'Goals', version, by: 'user' },
});

const refused = (code: string) => new ApiError(409, code, 'no');

describe('Memory', () => {
	it('takes counts from the snapshot and then from events', async () => {
		const { memory, opened, hear } = world();
		await opened();
		expect(memory.counts.total).toBe(1);
		hear(pending(2));
		expect([memory.counts.total, memory.counts.of('goals')]).toEqual([2, 2]);
	});

	it('tells of a proposal once it knows who made it', async () => {
		const { opened, hear, told } = world();
		await opened();
		hear(pending(1, 'p1'));
		await settled();
		expect(told).toEqual(['Memory keeper on Goals']);
	});

	it('tells nothing in a tab that nobody looks at, and nothing that is in view', async () => {
		const hidden = world({ looked: false });
		await hidden.opened();
		hidden.hear(pending(1, 'p1'));
		hidden.hear(updated(2));
		await settled();
		expect(hidden.told).toEqual([]);
		const { memory, opened, hear, told } = world();
		await opened();
		memory.reviewing(true);
		hear(pending(1, 'p1'));
		await settled();
		expect([told, memory.proposals.length]).toEqual([[], 1]);
	});

	it('tells of a change made elsewhere, and not of its own', async () => {
		const { memory, opened, hear, told } = world();
		await opened();
		await memory.update('goals', { body: 'Mine.', base_version: 1 });
		hear(updated(2));
		expect(told).toEqual([]);
		hear(updated(3));
		expect(told).toEqual(['Goals was modified']);
	});

	it('says of a new block that it was added, and of one that is gone that it was deleted', async () => {
		const { opened, hear, told } = world();
		await opened();
		for (const version of [1, 2, 0]) hear(updated(version));
		expect(told).toEqual(['Goals was added', 'Goals was modified', 'Goals was deleted']);
	});

	it('knows its own change also when the event comes before the answer', async () => {
		const { memory, api, opened, hear, told } = world();
		await opened();
		let answer = (_: MemoryBlock) => {};
		api.update.mockImplementationOnce(() => new Promise((done) => (answer = done)));
		const saving = memory.update('goals', { body: 'Mine.', base_version: 1 });
		hear(updated(2));
		hear(updated(3));
		answer({ ...goals, version: 2 });
		await saving;
		expect(told).toEqual(['Goals was modified']);
	});

	it('takes away what was decided, here or elsewhere, and its toast', async () => {
		const { memory, toaster, server, opened, hear } = world();
		await opened({ review: true });
		hear({ type: 'diff:approved', data: { block_id: 'goals', diff_id: 'p1', count: 0, total: 0, by: 'me' } });
		expect([memory.proposals.length, memory.counts.total]).toEqual([0, 0]);
		expect(toaster.dismiss).toHaveBeenCalledWith('p1');
		hear(pending(1));
		await settled();
		server.proposals = [];
		await memory.approve('p1', { base_version: 1 });
		expect(memory.proposals).toEqual([]);
		expect(memory.block('goals')?.body).toBe('Ship on Monday.');
	});

	it.each(['approve', 'reject'] as const)('has the present texts after a stale decision to %s', async (decision) => {
		const { memory, api, server, opened } = world();
		await opened({ review: true });
		server.blocks = [{ ...goals, body: 'Ship when it is good.', version: 2 }];
		api[decision].mockRejectedValueOnce(refused('stale_version'));
		await expect(memory[decision]('p1', { base_version: 1 })).rejects.toThrow();
		expect(api[decision]).toHaveBeenCalledWith('p1', { base_version: 1 });
		expect([memory.block('goals')?.version, memory.proposals.length]).toEqual([2, 1]);
	});

	it('drops what turns out to be decided', async () => {
		const { memory, api, server, opened } = world();
		await opened({ review: true });
		server.proposals = [];
		api.reject.mockRejectedValueOnce(refused('already_decided'));
		await expect(memory.reject('p1', { base_version: 1 })).rejects.toThrow();
		expect(memory.proposals).toEqual([]);
	});

	it('says that it could not be loaded, until it can', async () => {
		const { memory, api, opened } = world();
		api.blocks.mockRejectedValueOnce(new Error('offline'));
		await opened();
		expect(memory.stage).toBe('failed');
		memory.retry();
		await settled();
		expect(memory.stage).toBe('ready');
	});

	it('names an agent by its key', () => {
		expect([agentName(proposal), agentName({ agent_name: 'own' })]).toEqual(['Memory keeper', 'Your agent']);
	});
});
