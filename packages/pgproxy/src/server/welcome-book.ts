import type { Profile } from '../settings/profile.ts';
import type { LoginFailure } from './server-login.ts';

/** What a new session is told when its settings are known to the proxy already. */
export interface Welcome {
  readonly profile: Profile;
  readonly parameters: ReadonlyMap<string, string>;
}

/** A login that needs a welcome. */
export interface Learner {
  /** It must ask a server itself, and report `learned` or `giveUp`. */
  learnNow(): void;
  /** Another login asked for the same settings and the answer is here. */
  welcomeIsKnown(welcome: Welcome): void;
  /** Another login asked for the same settings and was refused. */
  loginIsRefused(failure: LoginFailure): void;
}

/** Logins that wait for the same answer. `leader` is undefined only while the next one is chosen. */
interface Group {
  leader: Learner | undefined;
  readonly followers: Set<Learner>;
}

const welcomesMax = 1000;

/**
 * The welcomes of one pool by the text of their start-up settings. Many logins with the same new settings take
 * one server between them: the first asks, the others follow.
 */
export class WelcomeBook {
  readonly #known = new Map<string, Welcome>();
  readonly #groups = new Map<string, Group>();

  #choosing: Group | undefined;

  /** Calls one of the learner's methods now or later. */
  ask(key: string, learner: Learner): void {
    const known = this.#known.get(key);
    if (known !== undefined) {
      learner.welcomeIsKnown(known);
      return;
    }
    const group = this.#groups.get(key);
    if (group !== undefined) {
      group.followers.add(learner);
      return;
    }
    this.#groups.set(key, { leader: learner, followers: new Set() });
    learner.learnNow();
  }

  learned(key: string, welcome: Welcome): void {
    if (this.#known.size >= welcomesMax) this.#known.clear();
    this.#known.set(key, welcome);
    const group = this.#groups.get(key);
    this.#groups.delete(key);
    for (const follower of group?.followers ?? []) follower.welcomeIsKnown(welcome);
  }

  /** PostgreSQL refused the login: it would refuse the followers too. */
  refused(key: string, leader: Learner, failure: LoginFailure): void {
    const group = this.#groups.get(key);
    if (group?.leader !== leader) return;
    this.#groups.delete(key);
    for (const follower of group.followers) follower.loginIsRefused(failure);
  }

  /** A learner left; if the others counted on it, the next one asks. */
  giveUp(key: string, learner: Learner): void {
    const group = this.#groups.get(key);
    if (group === undefined) return;
    group.followers.delete(learner);
    if (group.leader !== learner) return;
    const isChoosing = this.#choosing === group;
    group.leader = undefined;
    // A learner that is refused at once gives up while it is being chosen; the loop goes on then.
    if (isChoosing) return;
    this.#choosing = group;
    while (group.leader === undefined) {
      const [next] = group.followers;
      if (next === undefined) {
        this.#groups.delete(key);
        break;
      }
      group.followers.delete(next);
      group.leader = next;
      next.learnNow();
    }
    this.#choosing = undefined;
  }
}
