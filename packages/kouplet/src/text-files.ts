/** Texts that the user names in flags. By itself, so that a command without a broker does not load one. */
import { readFileSync } from 'node:fs';
import { fileFailure, wrongUse } from './failure.ts';

export function readText(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fileFailure(error, flag, path);
  }
}

/** A password's file: without the line end that an editor leaves. */
export function readPassword(flag: string, path: string): string {
  const password = readText(flag, path).replace(/\r?\n$/, '');
  if (password === '') throw wrongUse(`${flag}: ${path} is empty`, 'Write the password into it.');
  return password;
}
