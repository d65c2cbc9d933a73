#include "rpc/shutdown_signal.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include <thread>

namespace metastep {
namespace {

sigset_t ShutdownSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

void WaitForOne() {
  const sigset_t signals = ShutdownSignals();
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
}

// Runs in a thread that does not block the signals, which takes no more of them
// from then on.
void PassOn(int signal, siginfo_t* /*info*/, void* context) {
  sigset_t& mask = static_cast<ucontext_t*>(context)->uc_sigmask;
  const sigset_t signals = ShutdownSignals();
  sigorset(&mask, &mask, &signals);
  kill(getpid(), signal);
}

// A signal that the process was started to ignore stays ignored.
void PassOnWhatIsNotBlocked(int signal) {
  struct sigaction before = {};
  sigaction(signal, nullptr, &before);
  if (before.sa_handler != SIG_DFL) return;
  struct sigaction action = {};
  action.sa_sigaction = PassOn;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(signal, &action, nullptr);
}

}  // namespace

void BlockShutdownSignals() {
  const sigset_t signals = ShutdownSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  PassOnWhatIsNotBlocked(SIGTERM);
  PassOnWhatIsNotBlocked(SIGINT);
}

void WaitForShutdownSignal() {
  WaitForOne();
  std::thread([] {
    WaitForOne();
    _exit(1);
  }).detach();
}

void ExitWithParent() {
  const pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // The parent may have died just before the call.
  if (getppid() != parent) raise(SIGTERM);
}

}  // namespace metastep
