import { ApiError, type Chat, type ChatBody, type ChatEventData, type CompletionRequest } from '@tidings/client';
import { describe, expect, it } from 'vitest';
import { FakeLive, settled, snapshotOf } from '../live/fake-live';
import { Conversation, type ChatsApi } from './conversation.svelte';

const model = { id: 'demo', name: 'Demo' };

function fakeChats() {
	const calls: string[] = [];
	const asked: CompletionRequest[] = [];
	let stored: ChatBody = { title: '', models: [], history: { currentId: null, messages: {} } };
	const chat = (): Chat => ({
		id: 'chat',
		user_id: 'me',
		title: stored.title,
		chat: stored,
		created_at: 0,
		updated_at: 0,
	});
	const api: ChatsApi & { fail: Error | null } = {
		fail: null,
		chat: async () => snapshotOf(chat()),
		create: async (body) => {
			calls.push('create');
			stored = body;
			return chat();
		},
		update: async (_, body) => {
			calls.push('update');
			stored = { ...stored, ...body };
			return chat();
		},
		complete: async (body) => {
			calls.push('complete');
			asked.push(body);
			if (api.fail) throw api.fail;
			return { status: true, task_id: 't' };
		},
		runningTasks: async () => [],
	};
	const live = new FakeLive();
	return { api, calls, asked, live, source: { api, live, meId: 'me' }, stored: () => stored };
}

async function askedOnce() {
	const fake = fakeChats();
	const chat = new Conversation(fake.source);
	await chat.ask('Why?', model, 'sid', () => fake.calls.push('shown'));
	const answer = chat.line.at(-1)!;
	const event = (data: ChatEventData) => chat.hear({ chat_id: 'chat', message_id: answer.id, data });
	return { ...fake, chat, answer, event };
}

describe('Conversation', () => {
	it('stores a new chat, shows its address, then asks the model', async () => {
		const { calls, asked, chat, answer } = await askedOnce();
		expect(calls).toEqual(['create', 'shown', 'complete']);
		expect(asked[0]).toMatchObject({
			session_id: 'sid',
			chat_id: 'chat',
			id: answer.id,
			parent_id: chat.line[0]?.id,
			messages: [{ role: 'user', content: 'Why?' }],
			background_tasks: { title_generation: true },
		});
	});

	it('grows the answer, ends it, and takes the title', async () => {
		const { chat, event } = await askedOnce();
		expect(chat.isAnswering).toBe(true);
		event({ type: 'chat:completion', data: { choices: [{ delta: { content: 'Be' } }] } });
		event({ type: 'chat:completion', data: { choices: [{ delta: { content: 'cause' } }] } });
		expect(chat.line.at(-1)?.content).toBe('Because');
		event({ type: 'chat:completion', data: { done: true, content: 'Because.', title: 'Reasons' } });
		expect([chat.line.at(-1)?.content, chat.isAnswering, chat.title]).toEqual(['Because.', false, 'Reasons']);
	});

	it('sends the whole line with the second question, without asking for a title', async () => {
		const { calls, asked, chat, event } = await askedOnce();
		event({ type: 'chat:completion', data: { done: true, content: 'Because.' } });
		await chat.ask('Really?', model, 'sid', () => undefined);
		expect(calls.slice(-2)).toEqual(['update', 'complete']);
		expect(asked[1]?.messages.map((one) => one.content)).toEqual(['Why?', 'Because.', 'Really?']);
		expect(asked[1]?.background_tasks?.title_generation).toBe(false);
	});

	it('keeps the question and says what failed; retry puts a new answer beside it', async () => {
		const { api, chat, answer, event } = await askedOnce();
		event({ type: 'chat:message:error', data: { error: { content: 'The upstream is down.' } } });
		expect([chat.isAnswering, chat.line[1]?.error]).toEqual([false, { content: 'The upstream is down.' }]);
		await chat.retry(chat.line[1]!, model, 'sid');
		expect(chat.line.map((one) => one.role)).toEqual(['user', 'assistant']);
		expect(chat.line[1]?.id).not.toBe(answer.id);
		api.fail = new ApiError(404, 'model_not_found', 'There is no such model.');
		await chat.retry(chat.line[1]!, model, 'sid');
		expect(chat.line[1]?.error).toEqual({ content: 'There is no such model.' });
	});

	it('shows a turn that was asked in another tab, and its answer', async () => {
		const { chat, event } = await askedOnce();
		event({ type: 'chat:completion', data: { done: true, content: 'Because.' } });
		const last = chat.line.at(-1)!.id;
		const turn = (id: string, parentId: string, role: string) => ({
			id,
			parentId,
			childrenIds: [],
			role,
			content: '',
			timestamp: 0,
		});
		event({
			type: 'chat:messages',
			data: { currentId: 'a2', messages: { q2: turn('q2', last, 'user'), a2: turn('a2', 'q2', 'assistant') } },
		});
		expect(chat.line).toHaveLength(4);
		const piece = { choices: [{ delta: { content: 'Yes' } }] };
		chat.hear({ chat_id: 'chat', message_id: 'a2', data: { type: 'chat:completion', data: piece } });
		expect([chat.line.at(-1)?.content, chat.isAnswering]).toEqual(['Yes', true]);
	});

	it('calls an answer interrupted that nobody writes any more', async () => {
		const { source } = await askedOnce();
		const later = new Conversation(source, 'chat');
		later.open();
		await settled();
		expect([later.isAnswering, later.isInterrupted(later.line.at(-1)!)]).toEqual([false, true]);
	});

	it('goes on with pieces that came while the chat was fetched, where the fetched text ends', async () => {
		const { source, answer, stored, api } = await askedOnce();
		api.runningTasks = async () => ['t'];
		stored().history.messages[answer.id]!.content = 'Because ';
		const later = new Conversation(source, 'chat');
		later.open();
		const piece = (offset: number, content: string) =>
			later.hear({
				chat_id: 'chat',
				message_id: answer.id,
				data: { type: 'chat:completion', data: { choices: [{ delta: { content } }] } },
				run: { id: 'r', offset },
			});
		piece(4, 'use ');
		piece(8, 'of ');
		piece(11, 'that.');
		await settled();
		expect([later.line.at(-1)?.content, later.isAnswering]).toEqual(['Because of that.', true]);
	});

	it('is missing when it was deleted while one was away', async () => {
		const { source, live, api } = await askedOnce();
		const later = new Conversation(source, 'chat');
		later.open();
		await settled();
		api.chat = async () => {
			throw new ApiError(401, 'chat_not_found', 'there is no such chat');
		};
		live.lose();
		await settled();
		expect(later.state).toBe('missing');
	});
});
