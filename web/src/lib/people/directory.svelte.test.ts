import type { AdminUser } from '@tidings/client';
import { describe, expect, it } from 'vitest';
import { Directory } from './directory.svelte';

const user = (id: string): AdminUser => ({ id, name: id, email: `${id}@x.y`, role: 'pending' });

function make() {
	const answers: ((users: AdminUser[]) => void)[] = [];
	const list = () =>
		new Promise<{ users: AdminUser[]; total: number }>((resolve) =>
			answers.push((users) => resolve({ users, total: 3 })),
		);
	const done = async () => undefined as never;
	return { answers, directory: new Directory({ list, update: done, disable: done, resetPassword: done }) };
}

const ids = (directory: Directory) => directory.users.map((one) => one.id);

describe('Directory', () => {
	it('shows the answer to the newest question, whichever comes last', async () => {
		const { answers, directory } = make();
		const first = directory.search('a');
		const second = directory.search('ad');
		answers[1]!([user('ada')]);
		await second;
		answers[0]!([user('ada'), user('amy')]);
		await first;
		expect(ids(directory)).toEqual(['ada']);
	});

	it('adds pages without doubling anybody, and changes one person', async () => {
		const { answers, directory } = make();
		const first = directory.search('');
		answers[0]!([user('ada'), user('ben')]);
		await first;
		const more = directory.more();
		answers[1]!([user('ben'), user('cy')]);
		await more;
		expect(ids(directory)).toEqual(['ada', 'ben', 'cy']);
		await directory.setRole('ben', 'user');
		expect(directory.users.map((one) => one.role)).toEqual(['pending', 'user', 'pending']);
	});
});
