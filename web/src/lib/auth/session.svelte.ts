/**
 * Who sits at this tab. The token lives in memory only; after a reload the HttpOnly cookie buys it again.
 *
 * Everything a person sees hangs below this: when the person changes, all other state is made anew (see the root layout).
 */
import { ApiError, createApi, type Api, type ServerConfig, type SessionUser } from '@tidings/client';
import { createContext } from 'svelte';

const STILL_IN = 'You are still signed in: the server could not be reached. Try again when the connection is back.';

export type Stage = 'loading' | 'unreachable' | 'anonymous' | 'pending' | 'signed-in';

export class Session {
	readonly api: Api;
	/** Told when a call gets no answer; whoever has a live connection asks whether it is alive. */
	onSilence: () => void = () => undefined;
	#doubting = false;
	#user = $state.raw<SessionUser | null>(null);
	#stage = $state<Stage>('loading');
	#config = $state.raw<ServerConfig | null>(null);

	constructor(make: typeof connected = connected) {
		this.api = make(
			() => this.token,
			() => this.#doubt(),
			() => this.onSilence(),
		);
	}

	get user(): SessionUser | null {
		return this.#user;
	}

	get stage(): Stage {
		return this.#stage;
	}

	/** What the server says of itself: its name, and whether strangers may sign up. */
	get config(): ServerConfig | null {
		return this.#config;
	}

	get serverName(): string {
		return this.#config?.name ?? 'Tidings';
	}

	get token(): string | null {
		return this.#user?.token ?? null;
	}

	get isAdmin(): boolean {
		return this.#user?.role === 'admin';
	}

	/** Asks the server who we are. Keeps what it knew if the server cannot be reached. */
	async load(): Promise<void> {
		try {
			const [config, user] = await Promise.all([this.api.config(), this.#whoAmI()]);
			this.#config = config;
			this.#take(user);
		} catch {
			if (this.#user === null) this.#stage = 'unreachable';
		}
	}

	async signIn(email: string, password: string): Promise<void> {
		this.#take(await this.api.auth.signIn(email, password));
	}

	async signUp(name: string, email: string, password: string): Promise<void> {
		this.#take(await this.api.auth.signUp(name, email, password));
		this.#config = await this.api.config().catch(() => this.#config);
	}

	/**
	 * `wipe` removes what is kept of the person, once the session has ended. Throws if the server could not be told: the
	 * cookie is its, so whoever reloads the page would be in again.
	 */
	async signOut(everywhere = false, wipe?: () => Promise<void>): Promise<void> {
		try {
			await (everywhere ? this.api.auth.signOutEverywhere() : this.api.auth.signOut());
		} catch (error) {
			if (!(error instanceof ApiError) || error.status >= 500) throw new Error(STILL_IN, { cause: error });
		}
		await wipe?.().catch(() => undefined);
		this.#take(null);
	}

	async updateProfile(name: string, imageUrl: string): Promise<void> {
		await this.api.auth.updateProfile(name, imageUrl);
		if (this.#user) this.#user = { ...this.#user, name, profile_image_url: imageUrl };
	}

	/** Another tab, or an administrator, changed who we are. */
	changed(change: { name: string; role?: string; profile_image_url?: string | null }): void {
		if (!this.#user) return;
		const image = change.profile_image_url ?? this.#user.profile_image_url;
		const role = (change.role ?? this.#user.role) as SessionUser['role'];
		this.#take({ ...this.#user, name: change.name, role, profile_image_url: image });
	}

	/** The server ended our connection: signed out elsewhere, disabled, or given another role. Finds out which. */
	async recheck(): Promise<void> {
		const cookieOnly = createApi({ baseUrl: originOf() });
		try {
			this.#take(await cookieOnly.auth.session());
		} catch (error) {
			if (error instanceof ApiError) this.#take(null);
		}
	}

	/** An answer says that we are nobody: finds out, once at a time, unless we never said otherwise. */
	#doubt(): void {
		if (this.#user === null || this.#doubting) return;
		this.#doubting = true;
		void this.recheck().finally(() => (this.#doubting = false));
	}

	async #whoAmI(): Promise<SessionUser | null> {
		try {
			return await this.api.auth.session();
		} catch (error) {
			if (error instanceof ApiError && error.status < 500) return null;
			throw error;
		}
	}

	#take(user: SessionUser | null): void {
		this.#user = user;
		if (user === null) this.#stage = 'anonymous';
		else this.#stage = user.role === 'pending' ? 'pending' : 'signed-in';
	}
}

function connected(token: () => string | null, onUnauthorized: () => void, onSilence: () => void): Api {
	return createApi({ baseUrl: originOf(), token, onUnauthorized, onSilence });
}

/** Requests need a whole address outside a browser page, as in tests. */
function originOf(): string {
	return typeof location === 'undefined' ? '' : location.origin;
}

export const [getSession, setSession] = createContext<Session>();
