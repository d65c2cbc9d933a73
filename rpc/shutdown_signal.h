// SIGTERM and SIGINT as something to wait for, not as an interruption.
#ifndef METASTEP_RPC_SHUTDOWN_SIGNAL_H_
#define METASTEP_RPC_SHUTDOWN_SIGNAL_H_

namespace metastep {

// Blocks SIGTERM and SIGINT for this thread and all that it starts later. Call
// it first in main(). Threads that are there already, as those of an OpenBLAS,
// which starts them when it is loaded, pass them on.
void BlockShutdownSignals();

// Waits for the first of them. From then on, a second one ends the process at
// once with exit code 1.
void WaitForShutdownSignal();

// Sends this process SIGTERM when its parent dies, also if that has happened
// already.
void ExitWithParent();

}  // namespace metastep

#endif  // METASTEP_RPC_SHUTDOWN_SIGNAL_H_
