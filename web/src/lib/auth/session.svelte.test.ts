import { ApiError, Unreachable, type Api, type SessionUser } from '@tidings/client';
import { describe, expect, it, vi } from 'vitest';
import { Session } from './session.svelte';

const ada: SessionUser = {
	id: 'ada',
	name: 'Ada',
	email: 'ada@x.y',
	role: 'admin',
	token: 'secret',
	token_type: 'Bearer',
	expires_at: null,
	profile_image_url: '/user.png',
};

function make(answer: () => Promise<SessionUser>) {
	const nothing = async () => undefined as never;
	const auth = { session: answer, signIn: async () => ada, signOut: vi.fn(nothing), signOutEverywhere: nothing };
	const config = async () => ({ status: true, name: 'Northwind', version: '1', features: {} });
	let token: () => string | null = () => null;
	const session = new Session((given) => {
		token = given;
		return { config, auth } as unknown as Api;
	});
	return { session, auth, token: () => token() };
}

describe('Session', () => {
	it('takes the person of the cookie and hands out the token from memory', async () => {
		const { session, token } = make(async () => ada);
		await session.load();
		expect([session.stage, session.serverName, token()]).toEqual(['signed-in', 'Northwind', 'secret']);
	});

	it('forgets everything at sign-out', async () => {
		const { session, token } = make(async () => ada);
		await session.load();
		await session.signOut();
		expect([session.stage, session.user, token()]).toEqual(['anonymous', null, null]);
	});

	it('stays signed in if the server could not be told, for its cookie stays too', async () => {
		const { session, auth } = make(async () => ada);
		await session.load();
		auth.signOut.mockRejectedValueOnce(new Unreachable(null));
		await expect(session.signOut()).rejects.toThrow('still signed in');
		expect(session.stage).toBe('signed-in');
	});

	it('tells a stranger from a server that cannot be reached', async () => {
		const stranger = make(async () => Promise.reject(new ApiError(401, 'unauthorized', 'no')));
		await stranger.session.load();
		expect(stranger.session.stage).toBe('anonymous');
		const away = make(async () => Promise.reject(new Unreachable(null)));
		await away.session.load();
		expect(away.session.stage).toBe('unreachable');
	});

	it('waits with a pending account, and goes in when it is approved', async () => {
		const { session } = make(async () => ({ ...ada, role: 'pending' }));
		await session.load();
		expect(session.stage).toBe('pending');
		session.changed({ name: 'Ada', role: 'user' });
		expect(session.stage).toBe('signed-in');
	});
});
