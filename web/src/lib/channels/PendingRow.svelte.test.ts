import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { FakeLive } from '../live/fake-live';
import { fakePeople } from '../people/fake-people';
import PendingRowHost from './PendingRowHost.test.svelte';
import type { Pending } from './message-list';

function make(pending: Partial<Pending>) {
	const onretry = vi.fn();
	const ondiscard = vi.fn();
	const people = fakePeople(new FakeLive());
	const whole: Pending = {
		temp_id: 't',
		content: 'hello',
		at: 0,
		state: 'sending',
		reason: '',
		retryable: true,
		...pending,
	};
	render(PendingRowHost, { people, pending: whole, onretry, ondiscard });
	return { onretry, ondiscard };
}

describe('PendingRow', () => {
	it('shows that a message is on its way, without buttons', () => {
		make({});
		expect(screen.getByRole('img', { name: 'On its way' })).toBeTruthy();
		expect(screen.queryByRole('button')).toBeNull();
	});

	it('can be taken back while it waits, and says why it waits', async () => {
		const { ondiscard } = make({ state: 'waiting', reason: 'The server has no space left.' });
		expect(screen.getByRole('img', { name: 'Waiting to be sent' })).toBeTruthy();
		expect(screen.getByRole('status').textContent).toContain('no space left');
		await userEvent.setup().click(screen.getByRole('button', { name: 'Do not send' }));
		expect(ondiscard).toHaveBeenCalledOnce();
	});

	it('offers no Retry where it would change nothing', () => {
		make({ state: 'failed', reason: 'You are not in this channel.', retryable: false });
		expect(screen.getAllByRole('button').map((one) => one.textContent?.trim())).toEqual(['Delete']);
	});

	it('says why it failed and offers Retry and Delete', async () => {
		const user = userEvent.setup();
		const { onretry, ondiscard } = make({ state: 'failed', reason: 'The message is too long.' });
		expect(screen.getByRole('alert').textContent).toContain('The message is too long.');
		await user.click(screen.getByRole('button', { name: 'Retry' }));
		await user.click(screen.getByRole('button', { name: 'Delete' }));
		expect([onretry.mock.calls.length, ondiscard.mock.calls.length]).toEqual([1, 1]);
	});
});
