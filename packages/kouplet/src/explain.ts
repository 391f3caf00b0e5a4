/** Errors of the other rooms in the command line's words: one line, what to do, and which exit code. Anything else stays a bug. */
import { BrokerError, type BrokerErrorCode } from '@kouplet/broker';
import { CredentialsError, DirectoryError, type DirectoryProblem } from '@kouplet/cluster';
import { AccessError, type AccessProblem, JournalError, ReplicaError } from '@kouplet/controller';
import { KubeconfigError } from '@kouplet/kube';
import { type ExitCode, exitCodes, Failure } from './failure.ts';

/** Rooms whose messages already say what to do: only the exit code is decided here. */
const brokerExit: Readonly<Record<BrokerErrorCode, ExitCode>> = {
  'credentials-required': exitCodes.wrongUse,
  'port-in-use': exitCodes.failed,
  'cannot-listen': exitCodes.failed,
  'bad-tls': exitCodes.failed,
  'bad-users': exitCodes.failed,
  'bad-address': exitCodes.failed,
  'tls-refused': exitCodes.failed,
  refused: exitCodes.failed,
  unreachable: exitCodes.failed,
};

const brokerAdvice: Readonly<Record<BrokerErrorCode, string>> = {
  'credentials-required': 'See --users and --listen in the help.',
  'port-in-use': 'It is set by --listen.',
  'cannot-listen': 'It is set by --listen.',
  'bad-tls':
    'They are set by --tls-cert and --tls-key; for an external broker by --mqtt-ca, --mqtt-cert and --mqtt-key.',
  'bad-users': 'It is set by --users.',
  'bad-address': 'It is set by --broker.',
  'tls-refused': 'Certificates are set by --mqtt-ca, --mqtt-cert and --mqtt-key.',
  refused:
    'User and password are set by --mqtt-username and --mqtt-password-file, the client id by --mqtt-client-prefix.',
  unreachable: 'It is set by --broker: check host, port and that the broker runs.',
};

const accessAdvice: Readonly<Record<AccessProblem, string>> = {
  'api-unreachable': 'Check that the cluster runs; which one is chosen by --kubeconfig and --context.',
  'api-refuses': 'Renew the credentials of the kubeconfig, or choose others by --kubeconfig and --context.',
  'missing-rights': 'Grant them to this user or ServiceAccount by a ClusterRole and its binding.',
};

const directoryAdvice: Readonly<Record<DirectoryProblem, string>> = {
  'in-use': 'Stop that one first, or choose another directory with --dir.',
  foreign: 'Choose another directory with --dir.',
  newer: 'Use that version, or choose another directory with --dir.',
  damaged: 'Nothing was changed; put back a copy of it, or choose another directory with --dir.',
  unusable: 'Choose another directory with --dir.',
};

export function explain(error: unknown): Error {
  if (error instanceof Failure) return error;
  if (error instanceof BrokerError) {
    return new Failure(brokerExit[error.code], error.message, brokerAdvice[error.code]);
  }
  if (error instanceof KubeconfigError) {
    return new Failure(exitCodes.failed, error.message, 'It is chosen by --kubeconfig and --context.');
  }
  if (error instanceof AccessError) {
    return new Failure(exitCodes.failed, error.message, accessAdvice[error.code]);
  }
  if (error instanceof CredentialsError) {
    return new Failure(exitCodes.failed, error.message, 'See --tls, --token-file and --dir in the help.');
  }
  if (error instanceof DirectoryError) {
    return new Failure(exitCodes.failed, error.message, directoryAdvice[error.code]);
  }
  if (error instanceof JournalError) {
    return new Failure(exitCodes.failed, error.message, 'Name another file with --record.');
  }
  if (error instanceof ReplicaError) {
    return new Failure(exitCodes.failed, error.message, 'Stop it first, or run both at an external broker (--broker).');
  }
  return error instanceof Error ? error : new Error(String(error));
}
