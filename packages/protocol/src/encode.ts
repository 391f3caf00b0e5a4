/** Commands to topic and bytes: exactly the fields that a base needs or was chosen to get, never `async`, never a strategy. */
import type { ArkletCommand, TopicGeneration } from './messages.ts';
import { commandTopicOf } from './topics.ts';

/** To whom a command goes. `env` in any case; ignored by the seed's generation. */
export interface CommandTarget {
  readonly env: string;
  readonly baseId: string;
  readonly generation: TopicGeneration;
}

const encoder = new TextEncoder();

/** Topic and payload of a command. The payload is fresh bytes, the caller's to keep. [SPEC P19] [SPEC P20] */
export function encode(
  command: ArkletCommand,
  target: CommandTarget,
): { readonly topic: string; readonly payload: Uint8Array } {
  const topic = commandTopicOf(target.env, target.baseId, target.generation, command.kind);
  return { topic, payload: encoder.encode(JSON.stringify(bodyOf(command))) };
}

function bodyOf(command: ArkletCommand): object {
  switch (command.kind) {
    case 'installBiz':
      return {
        bizName: command.name,
        bizVersion: command.version,
        bizUrl: command.url,
        ...(command.args === undefined ? {} : { args: command.args }),
        ...(command.envs === undefined ? {} : { envs: command.envs }),
      };
    case 'uninstallBiz':
      return { bizName: command.name, bizVersion: command.version };
    case 'health':
    case 'queryAllBiz':
      return {};
    case 'baseline':
      return [];
    default:
      throw new Error(`no such command: ${JSON.stringify(command satisfies never)}`);
  }
}
