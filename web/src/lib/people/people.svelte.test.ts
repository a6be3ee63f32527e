import { describe, expect, it, vi } from 'vitest';
import { FakeLive, settled } from '../live/fake-live';
import { fakePeople } from './fake-people';

const pictures = new Map<string, string>();

const make = (online: () => string[] = () => []) => fakePeople(new FakeLive(), online, pictures);

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
		const people = make(() => ['ada', 'cy']);
		people.presence({ user_id: 'ben', online: true, version: 1 });
		people.open();
		people.presence({ user_id: 'ada', online: false, version: 3 });
		await settled();
		expect(['ada', 'ben', 'cy'].map((id) => people.isOnline(id))).toEqual([false, false, true]);
	});

	it('does not say who is there while the connection is away', () => {
		let isAway = false;
		const people = fakePeople(
			new FakeLive(),
			() => [],
			pictures,
			() => isAway,
		);
		people.presence({ user_id: 'ada', online: true, version: 1 });
		expect([people.presenceOf('ada'), people.presenceOf('ben')]).toEqual(['online', 'offline']);
		isAway = true;
		expect([people.presenceOf('ada'), people.presenceOf('ben')]).toEqual([undefined, undefined]);
	});

	it('takes names from lists again once they may have changed unheard', () => {
		const people = make();
		people.remember([{ id: 'ada', name: 'Ada' }]);
		people.doubt();
		expect(people.name('ada')).toBe('Ada');
		people.remember([{ id: 'ada', name: 'Ada Lovelace' }]);
		people.remember([{ id: 'ada', name: 'Ada' }]);
		expect(people.name('ada')).toBe('Ada Lovelace');
	});

	it('keeps the name of an event against an older list, and asks for the picture again', async () => {
		const people = make();
		people.remember([{ id: 'ada', name: 'Ada' }]);
		people.changed({ id: 'ada', name: 'Ada Lovelace' });
		people.remember([{ id: 'ada', name: 'Ada' }]);
		expect(people.name('ada')).toBe('Ada Lovelace');
		expect(people.image('ada')).toBeNull();
		await Promise.resolve();
		pictures.set('ada', '/ada.png');
		people.changed({ id: 'ada', name: 'Ada Lovelace' });
		await vi.waitFor(() => expect(people.image('ada')).toBe('/ada.png'));
	});
});
