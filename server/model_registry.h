// The published models on disk:
//
//   DIR/<name>/<version>/model.safetensors   immutable once it is there
//   DIR/<name>/index.json                    {"labels": {"best": 2},
//                                             "next_version": 4}
//   DIR/<name>/.tmp-<random>/                a publication or deletion that did
//                                             not end; removed by Open
//
// A version comes into being by the rename of its temporary folder, so a crash
// leaves all of it or nothing. A version number is above both next_version and
// every folder there is, so that none is used twice.
#ifndef METASTEP_SERVER_MODEL_REGISTRY_H_
#define METASTEP_SERVER_MODEL_REGISTRY_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "metastep/v1/model.pb.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/model_file.h"

namespace metastep {

// Holds every model in memory; reads never wait for the disk. A model that was
// handed out lives on after its deletion. Thread-safe.
//
// Errors of all methods: Unavailable: the disk failed, nothing has changed.
class ModelRegistry {
 public:
  // Reads the folder, making it if need be. A version whose file is broken is
  // logged and left out. `clock` must outlive the registry.
  static absl::StatusOr<std::unique_ptr<ModelRegistry>> Open(
      const std::filesystem::path& dir, const Clock& clock);

  // Files a model as the next version of `name`, setting name, version,
  // created, phi_size and phi_sha256. A run publishes once: with the run_id of
  // a version that is there, that version is returned.
  // Errors: InvalidArgument: bad name, or no valid model.
  absl::StatusOr<v1::ModelInfo> Publish(const std::string& name, Model model);

  // The same for the bytes of a model file. If the newest version has the same
  // phi, that version is returned.
  absl::StatusOr<v1::ModelInfo> Import(const std::string& name,
                                       absl::string_view file);

  // The model at a version, a label, or (neither given) the highest version.
  // Its info has no labels. Errors: NotFound (MODEL_UNKNOWN).
  absl::StatusOr<std::shared_ptr<const Model>> Resolve(
      const v1::ModelRef& ref) const;

  // The same model's metadata, with its labels. Errors: NotFound.
  absl::StatusOr<v1::ModelInfo> Get(const v1::ModelRef& ref) const;

  // At most `limit` versions after `after` (name, version), in that order; of
  // one name only, unless it is empty.
  std::vector<v1::ModelInfo> List(const std::string& name,
                                  const std::pair<std::string, int64_t>& after,
                                  int limit) const;

  // Points a label to a version, away from the one it pointed to. Errors:
  // InvalidArgument: bad label, or no version in ref; NotFound;
  // ResourceExhausted: more labels than the model's index holds.
  absl::StatusOr<v1::ModelInfo> SetLabel(const v1::ModelRef& ref,
                                         const std::string& label);

  // Takes a label away from the model; fine if it has none. Errors:
  // InvalidArgument and NotFound as SetLabel.
  absl::StatusOr<v1::ModelInfo> RemoveLabel(const v1::ModelRef& ref,
                                            const std::string& label);

  // Errors: InvalidArgument: no version in ref; NotFound; FailedPrecondition:
  // a label points to it.
  absl::Status Delete(const v1::ModelRef& ref);

 private:
  // All versions of one name; immutable, replaced whole, so that readers never
  // wait for a writer's disk.
  struct Versions;

  ModelRegistry(std::filesystem::path dir, const Clock& clock)
      : dir_(std::move(dir)), clock_(clock) {}

  absl::Status LoadName(const std::string& name);
  // Never null: a name without versions has empty ones.
  std::shared_ptr<const Versions> Find(const std::string& name) const;
  void Put(const std::string& name, Versions versions);
  // Files the model as the next version; `versions` are those there are.
  absl::StatusOr<v1::ModelInfo> Add(const std::string& name, Model model,
                                    Versions versions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(writing_);
  absl::Status WriteVersion(const std::string& name, int64_t version,
                            absl::string_view file) const;
  static std::string IndexOf(const Versions& versions);
  absl::Status WriteIndex(const std::string& name,
                          const Versions& versions) const;
  absl::StatusOr<v1::ModelInfo> ChangeLabel(const v1::ModelRef& ref,
                                            const std::string& label,
                                            bool remove);

  const std::filesystem::path dir_;
  const Clock& clock_;

  // Held over a whole change, disk included; taken before mu_.
  Mutex writing_;

  mutable Mutex mu_;
  std::map<std::string, std::shared_ptr<const Versions>> names_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_SERVER_MODEL_REGISTRY_H_
