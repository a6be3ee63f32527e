/**
 * A workspace in which everything happens that a tab can miss: Ada is the one who is away, Bob and Cy are not, an agent
 * of Ada's proposes, and Ada herself works on another device. All of it over HTTP.
 */
import { until } from './server.mjs';

/** Calls in one person's name. */
function caller(server, token) {
	const call = (method) => (path, body) => server.api(`/api/v1/${path}`, { token, method, body });
	return { token, get: call('GET'), post: call('POST'), del: call('DELETE') };
}

export class World {
	static async of(server) {
		const world = new World();
		world.server = server;
		for (const name of ['Ada', 'Bob', 'Cy']) {
			const account = await server.signUp(name);
			world[name.toLowerCase()] = { ...account, ...caller(server, account.token) };
		}
		const { ada, bob, cy } = world;
		for (const person of [bob, cy]) await ada.post(`users/${person.id}/update`, { role: 'user' });
		world.launch = await world.channel('launch');
		world.ideas = await world.channel('ideas');
		world.plans = await world.group('plans', [ada.id]);
		world.dm = await ada.get(`channels/users/${bob.id}`);
		world.mine = await world.write(ada, world.launch, 'Ada was here first.');
		for (let at = 1; at <= 70; at += 1) await world.write(bob, world.launch, `Word ${at} of the launch.`);
		await world.write(bob, world.dm, 'Hello Ada.');
		const { api_key } = await ada.post('auths/api_key');
		world.agent = caller(server, api_key);
		world.goals = await ada.post('memory/blocks', { name: 'Goals', body: 'Ship in December.' });
		world.values = await ada.post('memory/blocks', { name: 'Values', body: 'Honest work.' });
		world.talk = await world.chat('Talk');
		return world;
	}

	/** For everybody. */
	channel(name) {
		return this.ada.post('channels/create', { name, description: null, access_control: null });
	}

	/** Bob's, with these people. */
	group(name, user_ids) {
		return this.bob.post('channels/create', { name, type: 'group', is_private: true, user_ids });
	}

	write(who, { id }, content) {
		return who.post(`channels/${id}/messages/post`, { content, temp_id: crypto.randomUUID() });
	}

	/** A chat of Ada's with one question and its answer. */
	chat(title) {
		const seconds = Math.floor(Date.now() / 1000);
		const question = { id: crypto.randomUUID(), parentId: null, role: 'user', content: `About ${title}?` };
		const answer = {
			id: crypto.randomUUID(),
			parentId: question.id,
			role: 'assistant',
			content: 'Yes.',
			done: true,
		};
		const messages = {
			[question.id]: { ...question, childrenIds: [answer.id], timestamp: seconds },
			[answer.id]: { ...answer, childrenIds: [], model: 'demo', modelName: 'Demo', timestamp: seconds },
		};
		const history = { currentId: answer.id, messages };
		return this.ada.post('chats/new', { chat: { title, models: ['demo'], history } });
	}

	/** The other device asks the model in a chat, and waits for the end of the answer unless told otherwise. */
	async ask({ id }, content, waits = true) {
		const { chat } = await this.ada.get(`chats/${id}`);
		const { history } = chat;
		const parent = history.messages[history.currentId];
		const seconds = Math.floor(Date.now() / 1000);
		const base = { childrenIds: [], timestamp: seconds };
		const question = { ...base, id: crypto.randomUUID(), parentId: parent.id, role: 'user', content };
		const answer = { ...base, id: crypto.randomUUID(), parentId: question.id, role: 'assistant', content: '' };
		Object.assign(answer, { model: 'demo', modelName: 'Demo' });
		parent.childrenIds = [...(parent.childrenIds ?? []), question.id];
		question.childrenIds = [answer.id];
		Object.assign(history.messages, { [question.id]: question, [answer.id]: answer });
		history.currentId = answer.id;
		await this.ada.post(`chats/${id}`, { chat: { models: ['demo'], history } });
		const turn = {
			session_id: 'none',
			chat_id: id,
			id: answer.id,
			parent_id: question.id,
			parent_message: question,
		};
		const body = { stream: true, model: 'demo', messages: [{ role: 'user', content }], ...turn };
		await this.server.api('/api/chat/completions', { token: this.ada.token, method: 'POST', body });
		if (waits) await until('the answer is complete', async () => !(await this.isAnswering(id)));
	}

	async isAnswering(id) {
		const { task_ids } = await this.server.api(`/api/tasks/chat/${id}`, { token: this.ada.token });
		return task_ids.length > 0;
	}

	/** What the next absence takes away, made while Ada is there to see it. */
	async before(round) {
		this.doomedChannel = await this.channel(`old-${round}`);
		this.doomedGroup = await this.group(`leaving-${round}`, [this.ada.id]);
		this.doomedChat = await this.chat(`Gone ${round}`);
		this.edited = await this.write(this.bob, this.launch, `To be edited, ${round}.`);
		this.deleted = await this.write(this.bob, this.launch, `To be deleted, ${round}.`);
		const body = `Honest work ${round}.`;
		this.proposal = await this.agent.post(`memory/blocks/${this.values.id}/proposals`, {
			body,
			confidence: 'high',
		});
	}

	/** Everything that a tab can miss. */
	async meanwhile(round) {
		const { ada, bob, cy, launch, ideas, plans, dm } = this;
		for (const part of ['One', 'Two', 'Three']) await this.write(bob, launch, `${part} while away, ${round}.`);
		await bob.post(`channels/${launch.id}/messages/${this.edited.id}/update`, { content: `Was edited, ${round}.` });
		await bob.del(`channels/${launch.id}/messages/${this.deleted.id}/delete`);
		for (const part of ['First', 'Second']) await this.write(cy, ideas, `${part} idea, ${round}.`);
		await ada.post(`channels/${ideas.id}/read`, { read_no: round * 2 - 1 });
		await this.write(bob, dm, `Psst, ${round}.`);
		await this.write(bob, plans, `A plan, ${round}.`);
		const topic = { name: 'launch', description: `Topic ${round}`, access_control: null };
		await ada.post(`channels/${launch.id}/update`, topic);
		await this.channel(`extra-${round}`);
		await ada.del(`channels/${this.doomedChannel.id}/delete`);
		await this.group(`crew-${round}`, [ada.id, cy.id]);
		const change = round % 2 === 1 ? 'add' : 'remove';
		const people = { user_ids: [cy.id] };
		await bob.post(
			`channels/${plans.id}/update/members/${change}`,
			change === 'add' ? { ...people, group_ids: [] } : people,
		);
		await bob.post(`channels/${this.doomedGroup.id}/update/members/remove`, { user_ids: [ada.id] });
		await bob.post('auths/update/profile', { name: `Bob ${round}`, profile_image_url: '/user.png' });
		await this.remember(round);
		await ada.post(`chats/${this.talk.id}`, { chat: { title: `Talk ${round}` } });
		await this.chat(`New ${round}`);
		await ada.del(`chats/${this.doomedChat.id}`);
		await this.ask(this.talk, `What now, ${round}?`);
	}

	/** Ada's memory changes: a block, a new one, a proposal that is decided and one that waits. */
	async remember(round) {
		const { ada, agent, goals, values, proposal } = this;
		const { version } = await ada.get(`memory/blocks/${goals.id}`);
		await ada.post(`memory/blocks/${goals.id}/update`, { body: `Ship in week ${round}.`, base_version: version });
		await ada.post('memory/blocks', { name: `Extra ${round}`, body: 'More.' });
		await ada.post(`memory/proposals/${proposal.id}/approve`, { base_version: proposal.base_version });
		await agent.post(`memory/blocks/${values.id}/proposals`, { body: `Work, ${round}.`, confidence: 'low' });
	}
}
