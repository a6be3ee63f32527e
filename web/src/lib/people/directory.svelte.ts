/**
 * The administrator's list of accounts: searched and paged on the server, changed one by one.
 */
import type { AdminUser, Api, UserId } from '@tidings/client';

type PeopleApi = Pick<Api['people'], 'list' | 'update' | 'disable' | 'resetPassword'>;

export class Directory {
	readonly #api: PeopleApi;
	#users = $state.raw<AdminUser[]>([]);
	#total = $state(0);
	#state = $state<'loading' | 'ready' | 'failed'>('loading');
	#query = '';
	#page = 1;
	#asked = 0;

	constructor(api: PeopleApi) {
		this.#api = api;
	}

	get users(): readonly AdminUser[] {
		return this.#users;
	}
	get total() {
		return this.#total;
	}
	get state() {
		return this.#state;
	}

	async search(query: string): Promise<void> {
		this.#query = query;
		this.#page = 1;
		const number = ++this.#asked;
		try {
			const { users, total } = await this.#api.list(query, 1);
			if (number !== this.#asked) return;
			this.#users = users;
			this.#total = total;
			this.#state = 'ready';
		} catch {
			if (number === this.#asked) this.#state = 'failed';
		}
	}

	async more(): Promise<void> {
		const { users, total } = await this.#api.list(this.#query, this.#page + 1);
		this.#page += 1;
		const known = new Set(this.#users.map((user) => user.id));
		this.#users = [...this.#users, ...users.filter((user) => !known.has(user.id))];
		this.#total = total;
	}

	/** Throws what the server says. */
	async setRole(id: UserId, role: AdminUser['role']): Promise<void> {
		await this.#api.update(id, { role });
		this.#change(id, { role });
	}

	/** Throws what the server says. */
	async setDisabled(id: UserId, disabled: boolean): Promise<void> {
		await this.#api.disable(id, disabled);
		this.#change(id, { disabled });
	}

	/** Throws what the server says. */
	resetPassword(id: UserId, password: string): Promise<unknown> {
		return this.#api.resetPassword(id, password);
	}

	#change(id: UserId, change: Partial<AdminUser>): void {
		this.#users = this.#users.map((user) => (user.id === id ? { ...user, ...change } : user));
	}
}
