/**
 * What can be wrong with how a broker is to be started or reached. All of them are the user's to put right, and the message is one line
 * that says what is wrong, where, and what to do.
 * - `credentials-required`: asked to listen beyond loopback without a users file
 * - `port-in-use`, `cannot-listen`: the address is taken, not ours, or not allowed
 * - `bad-tls`: certificate or key that cannot be used
 * - `bad-users`: the users file; the message names the file and the line
 * - `bad-address`: a broker URL that is none, or a host that does not exist
 * - `tls-refused`: the external broker's certificate is not trusted, or it does not speak TLS there
 * - `refused`: the external broker refused our user, client id, subscription or canary
 * - `unreachable`: the external broker did not answer within the time given for the start
 */
export type BrokerErrorCode =
  | 'credentials-required'
  | 'port-in-use'
  | 'cannot-listen'
  | 'bad-tls'
  | 'bad-users'
  | 'bad-address'
  | 'tls-refused'
  | 'refused'
  | 'unreachable';

export class BrokerError extends Error {
  readonly code: BrokerErrorCode;

  constructor(code: BrokerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BrokerError';
    this.code = code;
  }
}
