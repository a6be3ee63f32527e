/** For tests: the people of a tab whose person is "me", with the pictures that the test gives them. */
import type { Live } from '../live/followed.svelte';
import { snapshotOf } from '../live/fake-live';
import { People } from './people.svelte';

export function fakePeople(
	live: Live,
	online: () => string[] = () => [],
	pictures: ReadonlyMap<string, string> = new Map(),
	isAway: () => boolean = () => false,
): People {
	const api = {
		online: async () => snapshotOf(online()),
		picture: async (id: string) => pictures.get(id) ?? null,
	};
	return new People({ id: 'me', name: 'Me' }, api, live, isAway);
}
