// Runs' histories as TensorBoard's event files.
#ifndef METASTEP_CLIENT_TENSORBOARD_H_
#define METASTEP_CLIENT_TENSORBOARD_H_

#include <string>
#include <vector>

#include "metastep/v1/run_service.pb.h"

namespace metastep {

// The bytes of an event file with the scalars train/outer_loss,
// train/gradient_norm, validation/final_loss and validation/sum_of_losses of
// these rounds; the step is the number of outer steps taken.
std::string EventFile(const std::vector<v1::Round>& rounds);

// A name that TensorBoard takes for an event file.
inline constexpr char kEventFileName[] =
    "events.out.tfevents.0000000000.metastep";

}  // namespace metastep

#endif  // METASTEP_CLIENT_TENSORBOARD_H_
