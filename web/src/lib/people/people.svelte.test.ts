import { describe, expect, it } from 'vitest';
import { People } from './people.svelte';

const make = () => new People({ id: 'me', name: 'Me' }, (id) => `/users/${id}/image`);

describe('People', () => {
	it('takes the newest version of presence', () => {
		const people = make();
		people.presence({ user_id: 'ada', online: false, version: 5 });
		people.presence({ user_id: 'ada', online: true, version: 4 });
		expect(people.isOnline('ada')).toBe(false);
		people.presence({ user_id: 'ada', online: true, version: 6 });
		expect(people.isOnline('ada')).toBe(true);
	});

	it('does not let a list undo what was heard while it was fetched', async () => {
		const people = make();
		people.presence({ user_id: 'ben', online: true, version: 1 });
		await people.loadOnline(async () => {
			people.presence({ user_id: 'ada', online: false, version: 3 });
			return ['ada', 'cy'];
		});
		expect(['ada', 'ben', 'cy'].map((id) => people.isOnline(id))).toEqual([false, false, true]);
	});

	it('keeps the name of an event against an older list, and fetches the picture again', () => {
		const people = make();
		people.remember([{ id: 'ada', name: 'Ada' }]);
		people.changed({ id: 'ada', name: 'Ada Lovelace' });
		people.remember([{ id: 'ada', name: 'Ada' }]);
		expect(people.name('ada')).toBe('Ada Lovelace');
		expect(people.image('ada')).toBe('/users/ada/image?v=1');
	});
});
