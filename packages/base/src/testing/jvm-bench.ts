/** A bench for the engine: one JVM, a clock to turn, and what it said. */
import { type BaseMessage, type CommandKind, decode, type OperationOutcome } from '@kouplet/protocol';
import { Jvm, type Output } from '../engine.ts';
import { type BaseFacts, baseFacts } from '../facts.ts';
import { emptyScript, type Script } from '../script.ts';

export const jar = (name: string, query = '') => `https://modules.example/${name}-ark-biz.jar${query}`;
export const install = (name: string, version: string, query = '', more: object = {}) => ({
  bizName: name,
  bizVersion: version,
  bizUrl: jar(`${name}-${version}`, query),
  ...more,
});

/** A JVM with a clock to turn: what it said is kept, decoded as the controller would. */
export class Bench {
  at = 1_000_000;
  script: Script = emptyScript();
  said: { at: number; message: BaseMessage }[] = [];
  crashes: number[] = [];
  jvm: Jvm;

  constructor(given: Partial<BaseFacts> = {}) {
    this.jvm = new Jvm(baseFacts({ identity: 'b1', ...given }), this.script, this.at);
  }

  take(outputs: readonly Output[]): void {
    for (const output of outputs) {
      if (output.kind === 'crash') this.crashes.push(output.backAfterMs);
      else {
        const bytes = new TextEncoder().encode(JSON.stringify(output.body));
        const decoded = decode(`koupleless_dev/b1/base/${output.channel}`, bytes, { retain: false });
        if (!decoded.ok) throw new Error(decoded.error.detail);
        const { message } = decoded.value;
        this.said.push({ at: (message.publishedAt ?? 0) - 1_000_000, message });
      }
    }
  }

  connect(): this {
    this.take(this.jvm.connected(this.at));
    return this;
  }

  cut(): this {
    this.take(this.jvm.disconnected(this.at));
    return this;
  }

  send(kind: CommandKind | undefined, body: unknown): this {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    this.take(this.jvm.receive({ kind, payload: new TextEncoder().encode(text) }, this.at));
    return this;
  }

  pass(ms: number): this {
    this.at += ms;
    this.take(this.jvm.advance(this.at));
    return this;
  }

  /** Operation answers since the last call, in a word each. */
  answers(): string[] {
    const told = this.outcomes().map(({ key, outcome }) => `${key ?? 'nobody'} ${outcome.kind}`);
    this.said = [];
    return told;
  }

  outcomes(): { key?: string | undefined; outcome: OperationOutcome }[] {
    return this.said.flatMap(({ message }) =>
      message.kind === 'operation-result' ? [{ key: message.key, outcome: message.outcome }] : [],
    );
  }

  kinds(): string[] {
    return this.said.map(({ message }) => message.kind);
  }

  list(): string[] {
    return this.jvm.bizes().map((biz) => `${biz.key} ${biz.state}`);
  }
}
