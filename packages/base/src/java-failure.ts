/** Failures in the words of a JVM: what `response.message` and the stack trace in `response.data.message` look like. Source: recorded answers. */
import type { FailureName } from './module-url.ts';

export interface JavaFailure {
  /** `response.message`: toString() of the cause, or the bare text of a validation. */
  readonly message: string;
  /** `response.data.message`: the whole stack trace. */
  readonly stackTrace: string;
}

const arklet = 'com.alipay.sofa.koupleless.arklet.core';

const threadFrames = [
  `${arklet}.command.CommandServiceImpl.process(CommandServiceImpl.java:180)`,
  'com.alipay.sofa.koupleless.arklet.tunnel.mqtt.paho.MqttMessageHandler.handleBizOperation(MqttMessageHandler.java:221)',
  'com.alipay.sofa.koupleless.arklet.tunnel.mqtt.paho.MqttMessageHandler.handleCommand(MqttMessageHandler.java:200)',
  'java.base/java.util.concurrent.FutureTask.run(FutureTask.java:264)',
  'java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1136)',
  'java.base/java.util.concurrent.ThreadPoolExecutor$Worker.run(ThreadPoolExecutor.java:635)',
  'java.base/java.lang.Thread.run(Thread.java:840)',
];

const startFrames = [
  'java.base/java.lang.reflect.Method.invoke(Method.java:569)',
  'com.alipay.sofa.ark.bootstrap.MainMethodRunner.run(MainMethodRunner.java:55)',
  'com.alipay.sofa.ark.container.model.BizModel.doStart(BizModel.java:353)',
  'com.alipay.sofa.ark.container.model.BizModel.start(BizModel.java:323)',
  'com.alipay.sofa.ark.api.ArkClient.doInstallBiz(ArkClient.java:195)',
];

const springFrames = [
  'org.springframework.beans.factory.support.ConstructorResolver.instantiate(ConstructorResolver.java:658)',
  'org.springframework.beans.factory.support.AbstractAutowireCapableBeanFactory.createBean(AbstractAutowireCapableBeanFactory.java:542)',
  'org.springframework.beans.factory.support.DefaultSingletonBeanRegistry.getSingleton(DefaultSingletonBeanRegistry.java:234)',
  'org.springframework.context.support.AbstractApplicationContext.refresh(AbstractApplicationContext.java:583)',
  'org.springframework.boot.SpringApplication.run(SpringApplication.java:1303)',
];

/** A request that arklet refuses before doing anything: its text is all there is, without a cause. */
export function validationFailure(message: string): JavaFailure {
  const first = `${arklet}.common.exception.CommandValidationException: ${message}`;
  return {
    message,
    stackTrace: trace([
      [
        first,
        [`${arklet}.command.meta.AbstractCommandHandler.isTrue(AbstractCommandHandler.java:123)`, ...threadFrames],
      ],
    ]),
  };
}

/** Something thrown while a command ran: the runtime's exception around it, then the cause. */
export function thrownFailure(className: string, message: string | undefined): JavaFailure {
  const cause = message === undefined ? className : `${className}: ${message}`;
  const outer = `${arklet}.common.exception.ArkletRuntimeException: ${cause}`;
  const handle = `${arklet}.command.builtin.handler.InstallBizHandler.handle(InstallBizHandler.java:77)`;
  return {
    message: cause,
    stackTrace: trace([
      [outer, [handle, ...threadFrames]],
      [cause, ['com.alipay.sofa.ark.api.ArkClient.installOperation(ArkClient.java:370)', '... 10 more']],
    ]),
  };
}

/** A module that did not come up: the message says only that something was invoked; the last cause says what. */
export function startFailure(key: string): JavaFailure {
  const invocation = 'java.lang.reflect.InvocationTargetException';
  const root = `java.lang.IllegalStateException: ${key} was told to fail at its start (kouplet-fail=start)`;
  const bean = `org.springframework.beans.BeanInstantiationException: Failed to instantiate [java.lang.Object]: Factory method 'failing' threw exception; nested exception is ${root}`;
  const outer = `${arklet}.common.exception.ArkletRuntimeException: ${invocation}`;
  const created = `org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'failing': Bean instantiation via factory method failed; nested exception is ${bean}`;
  return {
    message: invocation,
    stackTrace: trace([
      [
        outer,
        [`${arklet}.command.builtin.handler.InstallBizHandler.handle(InstallBizHandler.java:77)`, ...threadFrames],
      ],
      [invocation, [...startFrames, '... 10 more']],
      [created, [...springFrames, '... 24 more']],
      [bean, [...springFrames.slice(0, 1), '... 42 more']],
      [root, ['kouplet.simulator.FailingModule.failing(FailingModule.java:8)', '... 43 more']],
    ]),
  };
}

/** A failure asked for by name. `start` is another matter: it comes after the download. */
export function downloadFailure(name: Exclude<FailureName, 'start'>, url: string, host: string): JavaFailure {
  if (typeof name === 'number') {
    // HttpURLConnection: 404 and 410 are "not found", everything else says its status.
    const path = /^file:(?:\/\/)?([^?#]*)/i.exec(url)?.[1];
    if (path !== undefined)
      return thrownFailure('java.io.FileNotFoundException', `${path} (No such file or directory)`);
    return name === 404 || name === 410
      ? thrownFailure('java.io.FileNotFoundException', url)
      : thrownFailure('java.io.IOException', `Server returned HTTP response code: ${name} for URL: ${url}`);
  }
  switch (name) {
    case 'refused':
      return thrownFailure('java.net.ConnectException', 'Connection refused');
    case 'unknown-host':
      return thrownFailure('java.net.UnknownHostException', host);
    case 'not-a-jar':
      return thrownFailure('java.util.zip.ZipException', 'zip END header not found');
    case 'no-manifest':
      return thrownFailure('java.lang.IllegalArgumentException', 'Biz Name must not be empty!');
    default:
      throw new Error(`no such failure: ${JSON.stringify(name satisfies never)}`);
  }
}

function trace(causes: ReadonlyArray<readonly [string, readonly string[]]>): string {
  const blocks = causes.map(([first, frames]) =>
    [first, ...frames.map((frame) => (frame.startsWith('...') ? `\t${frame}` : `\tat ${frame}`))].join('\n'),
  );
  return `${blocks.join('\nCaused by: ')}\n`;
}
