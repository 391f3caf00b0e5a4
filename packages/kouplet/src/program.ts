/** The command line as data: commands, flags, their variables and help. What a command does stands in `commands/`, loaded when it is called. */
import { Command } from 'commander';
import { type Environment, option } from './environment.ts';
import {
  brokerAddress,
  clientPrefix,
  controllerAddress,
  count,
  duration,
  envName,
  hostPort,
  identity,
  ipAddress,
  namespaceName,
  namespaceNames,
  port,
  showHostPort,
  size,
} from './values.ts';
import { version } from './version.ts';

const variablesNote = `
Every flag can also be given as a variable: KOUPLET_ and the flag's name, such as KOUPLET_API_PORT for --api-port.
A flag goes before a variable. Exit status: 0 done, 1 failed, 2 wrong use.`;

/** @param complain takes what is wrong with a call, help call included; by default it goes to the standard error */
export function createProgram(
  environment: Environment,
  complain: (text: string) => void = (text) => process.stderr.write(text),
): Command {
  const program = new Command('kouplet')
    .description('Koupleless modules on line with kubectl apply and off line with kubectl delete.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('after', variablesNote);
  program.addCommand(up());
  program.addCommand(controller(environment));
  program.addCommand(broker());
  program.addCommand(cluster());
  program.addCommand(base());
  program.addCommand(why());
  program.addCommand(replay());
  for (const each of [program, ...program.commands]) strict(each, complain);
  return program;
}

/** Wrong use is said in a line and ends with 2; nothing exits by itself. */
function strict(command: Command, complain: (text: string) => void): void {
  command
    .exitOverride()
    .allowExcessArguments(false)
    .showHelpAfterError(`(${helpCallOf(command)} says what there is)`)
    .showSuggestionAfterError(true)
    .configureOutput({
      writeErr: complain,
      outputError: (text, write) => write(text.replace(/^error: /, 'kouplet: ')),
    });
}

function helpCallOf(command: Command): string {
  return command.name() === 'kouplet' ? 'kouplet --help' : `kouplet ${command.name()} --help`;
}

function durableOption() {
  return option(
    '--durable <against>',
    'what a write that was answered survives: the process killed, or power loss, too',
    {
      choices: ['kill', 'power-loss'],
      default: 'kill',
    },
  );
}

const listenDefault = { host: '127.0.0.1', port: 1883 };

function recordOption() {
  return option('--record <file>', 'keep a journal of what comes in, without secrets, for kouplet replay');
}

/** Below that not even one base's state finds room. */
const leastRecordBytes = 64 * 2 ** 10;

function recordLimitOption() {
  return option('--record-limit <size>', 'how large it may grow, the earlier part FILE.1 included', {
    parse: size(leastRecordBytes),
    default: 64 * 2 ** 20,
    shown: '64Mi',
  });
}

function envOption() {
  return option('--env <name>', 'the environment: which bases belong together', { parse: envName, default: 'dev' });
}

function tlsOptions(command: Command): Command {
  return command
    .addOption(option('--users <file>', 'who may connect as which base (YAML); needed to listen beyond this machine'))
    .addOption(option('--tls-cert <file>', 'certificate chain for bases that connect (PEM)'))
    .addOption(option('--tls-key <file>', 'its private key (PEM)'))
    .addOption(
      option(
        '--tls-client-ca <file>',
        'authority that bases’ own certificates must be of (PEM); none are asked for without',
      ),
    );
}

function up(): Command {
  return new Command('up')
    .description(
      'Everything in one process: an embedded Kubernetes, the broker, the controller and some simulated bases.',
    )
    .addOption(option('--bases <count>', 'simulated bases', { parse: count(0, 1_000), default: 3 }))
    .addOption(option('--dir <path>', 'where the kubeconfig and the log are written', { default: '.kouplet' }))
    .addOption(option('--keep', 'keep the cluster’s state in --dir as well, for the next time'))
    .addOption(durableOption())
    .addOption(option('--tls', 'TLS and a token for the Kubernetes API'))
    .addOption(option('--api-port <port>', 'port of the Kubernetes API (0: any free one)', { parse: port, default: 0 }))
    .addOption(option('--mqtt-port <port>', 'port of the broker (0: any free one)', { parse: port, default: 0 }))
    .addOption(envOption())
    .addOption(option('--apply <file...>', 'manifests to apply once it runs; may be given several times'))
    .addOption(recordOption())
    .addOption(recordLimitOption())
    .addHelpText(
      'after',
      `
State is in memory: what is applied is gone when it ends, unless --keep is given (simulated bases always start empty).
Ctrl-C ends it; a second Ctrl-C at once.${variablesNote}`,
    )
    .action(async (options) => (await import('./commands/up.ts')).up(options));
}

function controller(environment: Environment): Command {
  const command = new Command('controller')
    .description('The controller for a real Kubernetes: bases become Nodes, module Pods become installs on them.')
    .addOption(
      option('--kubeconfig <file>', 'kubeconfig; otherwise $KUBECONFIG, ~/.kube/config or the Pod’s own account'),
    )
    .addOption(option('--context <name>', 'context of the kubeconfig'))
    .addOption(
      option('--listen <host:port>', 'embedded broker: where bases connect', {
        parse: hostPort,
        default: listenDefault,
        shown: showHostPort(listenDefault),
      }),
    )
    .addOption(option('--broker <url>', 'external broker in its place: mqtt(s)://HOST:PORT', { parse: brokerAddress }))
    .addOption(envOption())
    .addOption(
      option('--namespace <name>', 'namespace of the records and of the replica’s Lease', {
        parse: namespaceName,
        default: 'default',
      }),
    )
    .addOption(
      option('--http <host:port>', '/healthz, /readyz, /metrics, /debug/plan?base= and /debug/why?pod=', {
        parse: hostPort,
        default: { host: '127.0.0.1', port: 8081 },
        shown: '127.0.0.1:8081',
      }),
    )
    .addOption(
      option('--env-taint', 'taint Nodes with schedule.koupleless.io/node-env (default with upstream’s variables)'),
    )
    .addOption(option('--no-env-taint', 'do not, whatever upstream’s variables say'))
    .addOption(option('--os-labels', 'label Nodes with kubernetes.io/os and arch'))
    .addOption(
      option('--observe', 'shadow another controller at the same broker: plan and print, write and send nothing'),
    )
    .addOption(option('--peer-deployments', 'size Deployments with strategy “peer” by the number of Ready bases'))
    .addOption(option('--no-peer-deployments', 'do not, whatever upstream’s variables say'))
    .addOption(
      option('--unmanaged-modules <what>', 'modules on a base that are not ours', {
        choices: ['report', 'uninstall'],
        default: 'report',
      }),
    )
    .addOption(
      option('--gone-after <duration>', 'silence after which a base is given up (0: never)', {
        parse: duration,
        default: 60_000,
        shown: '60s',
      }),
    )
    .addOption(recordOption())
    .addOption(recordLimitOption());
  return logsOptions(tlsOptions(command))
    .addOption(option('--mqtt-username <name>', 'user at the external broker'))
    .addOption(option('--mqtt-password-file <file>', 'file with its password'))
    .addOption(
      option(
        '--mqtt-client-prefix <prefix>',
        'our client id there: PREFIX@@@ and CLIENT_ID (default: kouplet-controller)',
        {
          parse: clientPrefix,
        },
      ),
    )
    .addOption(option('--mqtt-ca <file>', 'certificate authority of the external broker (PEM)'))
    .addOption(option('--mqtt-cert <file>', 'client certificate (PEM)'))
    .addOption(option('--mqtt-key <file>', 'its private key (PEM)'))
    .addHelpText(
      'after',
      `
--users and the --tls-* flags are for --listen, the --mqtt-* flags for --broker; their files are read again when they change.
Where neither flag nor KOUPLET_ variable is given, upstream’s are read: ENV, NAMESPACE, CLIENT_ID, MQTT_BROKER, MQTT_PORT,
MQTT_USERNAME, MQTT_PASSWORD, MQTT_CLIENT_PREFIX, MQTT_CA_PATH, MQTT_CLIENT_CRT_PATH, MQTT_CLIENT_KEY_PATH,
ENABLE_MODULE_REPLICAS_SYNC_WITH_BASE, KUBELET_PROXY_ENABLED, KUBELET_PROXY_PORT.${variablesNote}`,
    )
    .action(async (options, self) => (await import('./commands/controller.ts')).controller(options, self, environment));
}

function logsOptions(command: Command): Command {
  return command
    .addOption(option('--logs', 'serve kubectl logs of module Pods: the log of their base’s own Pod'))
    .addOption(option('--no-logs', 'do not, whatever upstream’s variables say'))
    .addOption(option('--logs-port <port>', 'where, as a kubelet (0: any free one)', { parse: port, default: 10_250 }))
    .addOption(
      option('--logs-address <ip>', 'what the API server reaches it by (default: $POD_IP, or this machine’s address)', {
        parse: ipAddress,
      }),
    )
    .addOption(
      option('--logs-base-namespaces <names>', 'where bases’ own Pods are: a,b (default: as the module’s Pod)', {
        parse: namespaceNames,
      }),
    )
    .addOption(option('--logs-tls-cert <file>', 'its certificate chain, in place of one that is made (PEM)'))
    .addOption(option('--logs-tls-key <file>', 'its private key (PEM)'))
    .addOption(
      option(
        '--logs-client-ca <file>',
        'authority of the API server’s kubelet client certificate (PEM; default: the one the cluster publishes)',
      ),
    );
}

function broker(): Command {
  const command = new Command('broker').description('The embedded broker alone.').addOption(
    option('--listen <host:port>', 'where bases and controllers connect', {
      parse: hostPort,
      default: listenDefault,
      shown: showHostPort(listenDefault),
    }),
  );
  return tlsOptions(command)
    .addHelpText('after', variablesNote)
    .action(async (options) => (await import('./commands/broker.ts')).broker(options));
}

function cluster(): Command {
  return new Command('cluster')
    .description('The embedded Kubernetes alone. State is in memory, or kept in a directory.')
    .addOption(
      option('--listen <host:port>', 'where the API answers', {
        parse: hostPort,
        default: { host: '127.0.0.1', port: 0 },
        shown: '127.0.0.1:0',
      }),
    )
    .addOption(
      option('--kubeconfig <file>', 'where the kubeconfig is written, mode 0600', { default: '.kouplet/kubeconfig' }),
    )
    .addOption(option('--dir <path>', 'where state is kept, for one process at a time (default: in memory only)'))
    .addOption(durableOption())
    .addOption(option('--tls', 'TLS and a token: needed to listen beyond this machine'))
    .addOption(
      option('--advertise <host>', 'name or address that others reach it by: for the kubeconfig and the certificate'),
    )
    .addOption(option('--tls-san <name...>', 'more names and addresses for the certificate'))
    .addOption(option('--tls-cert <file>', 'certificate chain of your own, in place of one that is made (PEM)'))
    .addOption(option('--tls-key <file>', 'its private key (PEM)'))
    .addOption(option('--tls-ca <file>', 'what clients are to trust it by (PEM)'))
    .addOption(option('--token-file <file>', 'file with the kubeconfig’s token, in place of one that is made'))
    .addOption(option('--allow-host <name...>', 'more names that requests may be addressed to (Host header)'))
    .addHelpText(
      'after',
      `
Prints "ready" and the kubeconfig's path when it answers. Without --tls whoever is on this machine may do everything; with it
the kubeconfig holds a token. With --dir, certificate authority and token stay as they are from one start to the next.${variablesNote}`,
    )
    .action(async (options) => (await import('./commands/cluster.ts')).cluster(options));
}

function why(): Command {
  return new Command('why')
    .description('Why a Pod or a Node is as it is: asks a running controller what is wanted, done and waited for.')
    .argument('<object>', 'pod/NAME or node/NAME')
    .addOption(option('-n, --namespace <name>', 'namespace of the Pod', { parse: namespaceName, default: 'default' }))
    .addOption(
      option('--http <url>', 'where the controller serves HTTP (its --http)', {
        parse: controllerAddress,
        default: { url: 'http://127.0.0.1:8081' },
        shown: 'http://127.0.0.1:8081',
      }),
    )
    .addHelpText(
      'after',
      `
With several replicas the one that holds the Node’s Lease answers; another says who holds it.${variablesNote}`,
    )
    .action(async (object, options) => (await import('./commands/why.ts')).why(object, options));
}

function replay(): Command {
  return new Command('replay')
    .description('Runs a journal (--record) through this version again: what was done, what is waited for and why.')
    .argument('<file>', 'the journal; its earlier part FILE.1 is read first, where it is of the same run')
    .addOption(option('--base <identity>', 'tell of that base only', { parse: identity }))
    .addOption(option('--scenario', 'write it as a scenario in the language of packages/core/src/scenarios instead'))
    .addHelpText(
      'after',
      `
does: done then, and planned by this version too; did: done then, but not planned here; would: planned here, and not done then.
The exit status is 0 also where they differ, and 1 for a file that is damaged or no journal.${variablesNote}`,
    )
    .action(async (file, options) => (await import('./commands/replay.ts')).replay(file, options));
}

function base(): Command {
  return new Command('base')
    .description('Simulated bases: the wire of a Java base, modules that cost nothing.')
    .addOption(option('--broker <url>', 'mqtt(s)://HOST:PORT', { parse: brokerAddress }).makeOptionMandatory())
    .addOption(option('--count <number>', 'how many', { parse: count(1, 10_000), default: 1 }))
    .addOption(option('--identity <id>', 'identity; of several: its beginning', { parse: identity }))
    .addOption(option('--name <name>', 'name of the base', { default: 'base' }))
    .addOption(option('--version <version>', 'version of the base', { default: '1.1.1' }))
    .addOption(option('--cluster-name <name>', 'cluster of the base', { default: 'default' }))
    .addOption(
      option('--release <release>', 'which arklet they speak as', {
        choices: ['1.3.0', '1.3.1', '2024-10', '1.3.2', '1.3.3', '1.4.2'],
        default: '1.4.2',
      }),
    )
    .addOption(envOption())
    .addOption(option('--username <name>', 'user at the broker'))
    .addOption(option('--password-file <file>', 'file with its password'))
    .addOption(option('--ca <file>', 'certificate authority of the broker (PEM)'))
    .addOption(option('--cert <file>', 'client certificate, the same for all bases (PEM)'))
    .addOption(option('--key <file>', 'its private key (PEM)'))
    .addHelpText('after', variablesNote)
    .action(async (options) => (await import('./commands/base.ts')).base(options));
}
