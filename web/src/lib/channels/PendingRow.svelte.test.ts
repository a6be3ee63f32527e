import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { People } from '../people/people.svelte';
import PendingRowHost from './PendingRowHost.test.svelte';
import type { Pending } from './message-list';

function make(pending: Partial<Pending>) {
	const onretry = vi.fn();
	const ondiscard = vi.fn();
	const people = new People({ id: 'me', name: 'Me' }, async () => null);
	const whole: Pending = { temp_id: 't', content: 'hello', at: 0, state: 'sending', ...pending };
	render(PendingRowHost, { people, pending: whole, onretry, ondiscard });
	return { onretry, ondiscard };
}

describe('PendingRow', () => {
	it('shows that a message is on its way, without buttons', () => {
		make({});
		expect(screen.getByRole('img', { name: 'On its way' })).toBeTruthy();
		expect(screen.queryByRole('button')).toBeNull();
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
