#include "server/model_registry.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "absl/algorithm/container.h"
#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/logging.h"
#include "base/status_macros.h"
#include "optimizer/run_spec.h"
#include "rpc/error_reason.h"
#include "rpc/proto_time.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;

constexpr char kModelFile[] = "model.safetensors";
constexpr char kIndexFile[] = "index.json";
constexpr char kTemporaryPrefix[] = ".tmp-";
// Some ten thousand labels.
constexpr int64_t kMaxIndexBytes = 1 << 20;

// Removes a temporary folder. One that stays is in nobody's way.
void Discard(const fs::path& dir) {
  std::error_code ignored;
  fs::remove_all(dir, ignored);
}

// What is in a folder, in order. Errors: Unavailable.
absl::StatusOr<std::vector<std::string>> ListFolder(const fs::path& dir) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(dir, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot list ", dir.string(), ": ", error.message()));
  }
  absl::c_sort(names);
  return names;
}

// The version that a folder's name says; none if it is not one.
std::optional<int64_t> ParseVersion(const std::string& folder) {
  int64_t version = 0;
  if (!absl::SimpleAtoi(folder, &version) || version < 1) return std::nullopt;
  // "07" would be a second folder of version 7.
  return absl::StrCat(version) == folder ? std::optional(version)
                                         : std::nullopt;
}

absl::Status UnknownModel(const std::string& message) {
  return WithReason(absl::NotFoundError(message), kReasonModelUnknown);
}

absl::Status CheckLabel(const std::string& label) {
  METASTEP_RETURN_IF_ERROR(CheckName("label", label));
  if (!absl::c_all_of(label, absl::ascii_isdigit)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("label \"%s\" is digits only, which would read as a "
                      "version; add a letter",
                      label));
}

absl::Status CheckHasVersion(const v1::ModelRef& ref) {
  if (ref.which_case() == v1::ModelRef::kVersion) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("model \"%s\" needs a version here, as in \"%s@3\"",
                      ref.name(), ref.name()));
}

// Reads one version's file and checks that it is what its path says.
absl::StatusOr<std::shared_ptr<const Model>> LoadModel(const fs::path& path,
                                                       const std::string& name,
                                                       int64_t version) {
  METASTEP_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadFile(path, kMaxModelBytes));
  METASTEP_ASSIGN_OR_RETURN(Model model, DecodeModel(bytes));
  if (model.info.name() != name || model.info.version() != version) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the file says that it is %s@%d; import it under the name instead",
        model.info.name(), model.info.version()));
  }
  return std::make_shared<const Model>(std::move(model));
}

struct Index {
  std::map<std::string, int64_t> labels;
  int64_t next_version = 1;
};

absl::StatusOr<Index> ReadIndex(const fs::path& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxIndexBytes);
  if (absl::IsNotFound(text.status())) return Index();
  METASTEP_RETURN_IF_ERROR(text.status());
  try {
    const auto json = nlohmann::json::parse(*text);
    Index index;
    json.at("labels").get_to(index.labels);
    json.at("next_version").get_to(index.next_version);
    return index;
  } catch (const nlohmann::json::exception& error) {
    // To go on without it could use a version number again.
    return absl::FailedPreconditionError(absl::StrCat(
        path.string(), " is damaged (", error.what(),
        "); restore it, or write {\"labels\":{},\"next_version\":N} with an N "
        "above every version there ever was"));
  }
}

}  // namespace

struct ModelRegistry::Versions {
  std::map<int64_t, std::shared_ptr<const Model>> models;
  std::map<std::string, int64_t> labels;
  int64_t next_version = 1;

  // The version that a ref names; 0 if there is none.
  int64_t Find(const v1::ModelRef& ref) const;
  // The same; an unknown one is an error that says what there is.
  absl::StatusOr<int64_t> Require(const v1::ModelRef& ref) const;
  // With labels.
  v1::ModelInfo Info(int64_t version) const;
};

int64_t ModelRegistry::Versions::Find(const v1::ModelRef& ref) const {
  switch (ref.which_case()) {
    case v1::ModelRef::kVersion:
      return models.count(ref.version()) != 0 ? ref.version() : 0;
    case v1::ModelRef::kLabel: {
      const auto label = labels.find(ref.label());
      return label == labels.end() ? 0 : label->second;
    }
    case v1::ModelRef::WHICH_NOT_SET:
      break;
  }
  return models.empty() ? 0 : models.rbegin()->first;
}

absl::StatusOr<int64_t> ModelRegistry::Versions::Require(
    const v1::ModelRef& ref) const {
  if (const int64_t version = Find(ref); version != 0) return version;
  METASTEP_RETURN_IF_ERROR(CheckName("model name", ref.name()));
  if (models.empty()) {
    return UnknownModel(absl::StrFormat(
        "there is no model \"%s\"; ListModels names those there are",
        ref.name()));
  }
  const std::string wanted = ref.which_case() == v1::ModelRef::kVersion
                                 ? absl::StrCat("version ", ref.version())
                                 : absl::StrCat("label \"", ref.label(), "\"");
  return UnknownModel(absl::StrFormat(
      "model \"%s\" has no %s; it has %d versions, the highest is %d",
      ref.name(), wanted, models.size(), models.rbegin()->first));
}

v1::ModelInfo ModelRegistry::Versions::Info(int64_t version) const {
  v1::ModelInfo info = models.at(version)->info;
  for (const auto& [label, target] : labels) {
    if (target == version) info.add_labels(label);
  }
  return info;
}

absl::StatusOr<std::unique_ptr<ModelRegistry>> ModelRegistry::Open(
    const fs::path& dir, const Clock& clock) {
  METASTEP_RETURN_IF_ERROR(MakeFolder(dir));
  auto registry = std::unique_ptr<ModelRegistry>(new ModelRegistry(dir, clock));
  METASTEP_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            ListFolder(dir));
  for (const std::string& name : names) {
    if (!CheckName("model", name).ok()) continue;
    METASTEP_RETURN_IF_ERROR(registry->LoadName(name));
  }
  return registry;
}

absl::Status ModelRegistry::LoadName(const std::string& name) {
  const fs::path dir = dir_ / name;
  METASTEP_ASSIGN_OR_RETURN(const std::vector<std::string> folders,
                            ListFolder(dir));
  METASTEP_ASSIGN_OR_RETURN(const Index index, ReadIndex(dir / kIndexFile));
  Versions versions;
  versions.next_version = index.next_version;
  for (const std::string& folder : folders) {
    if (absl::StartsWith(folder, kTemporaryPrefix)) Discard(dir / folder);
    const std::optional<int64_t> version = ParseVersion(folder);
    if (!version) continue;
    versions.next_version = std::max(versions.next_version, *version + 1);
    const auto model = LoadModel(dir / folder / kModelFile, name, *version);
    if (model.ok()) {
      versions.models[*version] = *model;
    } else {
      LogWarning("model %s@%d is left out: %s", name, *version,
                 model.status().ToString());
    }
  }
  for (const auto& [label, version] : index.labels) {
    if (versions.models.count(version) != 0) versions.labels[label] = version;
  }
  Put(name, std::move(versions));
  return absl::OkStatus();
}

std::shared_ptr<const ModelRegistry::Versions> ModelRegistry::Find(
    const std::string& name) const {
  MutexLock lock(mu_);
  const auto found = names_.find(name);
  return found == names_.end() ? std::make_shared<const Versions>()
                               : found->second;
}

void ModelRegistry::Put(const std::string& name, Versions versions) {
  auto shared = std::make_shared<const Versions>(std::move(versions));
  MutexLock lock(mu_);
  names_[name] = std::move(shared);
}

absl::StatusOr<v1::ModelInfo> ModelRegistry::Publish(const std::string& name,
                                                     Model model) {
  METASTEP_RETURN_IF_ERROR(CheckName("model name", name));
  MutexLock lock(writing_);
  const std::shared_ptr<const Versions> versions = Find(name);
  for (const auto& [version, published] : versions->models) {
    if (!model.info.run_id().empty() &&
        published->info.run_id() == model.info.run_id()) {
      return versions->Info(version);
    }
  }
  return Add(name, std::move(model), *versions);
}

absl::StatusOr<v1::ModelInfo> ModelRegistry::Import(const std::string& name,
                                                    absl::string_view file) {
  METASTEP_RETURN_IF_ERROR(CheckName("model name", name));
  METASTEP_ASSIGN_OR_RETURN(Model model, DecodeModel(file));
  MutexLock lock(writing_);
  const std::shared_ptr<const Versions> versions = Find(name);
  if (!versions->models.empty()) {
    const auto& [version, newest] = *versions->models.rbegin();
    if (newest->info.phi_sha256() == model.info.phi_sha256()) {
      return versions->Info(version);
    }
  }
  return Add(name, std::move(model), *versions);
}

absl::StatusOr<v1::ModelInfo> ModelRegistry::Add(const std::string& name,
                                                 Model model,
                                                 Versions versions) {
  const int64_t version = versions.next_version++;
  model.info.set_name(name);
  model.info.set_version(version);
  *model.info.mutable_created() = ToTimestamp(clock_.Now());
  const std::string file = EncodeModel(model);
  // Read back, so that no file is published that Open would leave out.
  METASTEP_ASSIGN_OR_RETURN(Model stored, DecodeModel(file));
  // Even a failed attempt uses the number up: its folder may be there.
  Put(name, versions);
  METASTEP_RETURN_IF_ERROR(WriteVersion(name, version, file));
  versions.models[version] = std::make_shared<const Model>(std::move(stored));
  v1::ModelInfo info = versions.Info(version);
  Put(name, std::move(versions));
  LogInfo("model %s@%d is published, phi sha256 %s", name, version,
          info.phi_sha256());
  return info;
}

absl::Status ModelRegistry::WriteVersion(const std::string& name,
                                         int64_t version,
                                         absl::string_view file) const {
  const fs::path dir = dir_ / name;
  const fs::path temporary = dir / absl::StrCat(kTemporaryPrefix, RandomId());
  // After the rename there is nothing to discard.
  absl::Cleanup discard = [&] { Discard(temporary); };
  METASTEP_RETURN_IF_ERROR(MakeFolder(dir));
  METASTEP_RETURN_IF_ERROR(MakeFolder(temporary));
  METASTEP_RETURN_IF_ERROR(WriteFileAtomically(temporary / kModelFile, file));
  return RenameDurably(temporary, dir / absl::StrCat(version));
}

absl::StatusOr<std::shared_ptr<const Model>> ModelRegistry::Resolve(
    const v1::ModelRef& ref) const {
  const std::shared_ptr<const Versions> versions = Find(ref.name());
  METASTEP_ASSIGN_OR_RETURN(const int64_t version, versions->Require(ref));
  return versions->models.at(version);
}

absl::StatusOr<v1::ModelInfo> ModelRegistry::Get(
    const v1::ModelRef& ref) const {
  const std::shared_ptr<const Versions> versions = Find(ref.name());
  METASTEP_ASSIGN_OR_RETURN(const int64_t version, versions->Require(ref));
  return versions->Info(version);
}

std::vector<v1::ModelInfo> ModelRegistry::List(
    const std::string& name, const std::pair<std::string, int64_t>& after,
    int limit) const {
  std::vector<v1::ModelInfo> infos;
  MutexLock lock(mu_);
  for (auto it = names_.lower_bound(std::max(name, after.first));
       it != names_.end(); ++it) {
    if (!name.empty() && it->first != name) break;
    const Versions& versions = *it->second;
    const int64_t start = it->first == after.first ? after.second : 0;
    for (auto model = versions.models.upper_bound(start);
         model != versions.models.end(); ++model) {
      if (static_cast<int>(infos.size()) == limit) return infos;
      infos.push_back(versions.Info(model->first));
    }
  }
  return infos;
}

std::string ModelRegistry::IndexOf(const Versions& versions) {
  const nlohmann::json json = {{"labels", versions.labels},
                               {"next_version", versions.next_version}};
  return json.dump(2);
}

absl::Status ModelRegistry::WriteIndex(const std::string& name,
                                       const Versions& versions) const {
  return WriteFileAtomically(dir_ / name / kIndexFile, IndexOf(versions));
}

absl::StatusOr<v1::ModelInfo> ModelRegistry::SetLabel(
    const v1::ModelRef& ref, const std::string& label) {
  return ChangeLabel(ref, label, /*remove=*/false);
}

absl::StatusOr<v1::ModelInfo> ModelRegistry::RemoveLabel(
    const v1::ModelRef& ref, const std::string& label) {
  return ChangeLabel(ref, label, /*remove=*/true);
}

absl::StatusOr<v1::ModelInfo> ModelRegistry::ChangeLabel(
    const v1::ModelRef& ref, const std::string& label, bool remove) {
  METASTEP_RETURN_IF_ERROR(CheckLabel(label));
  METASTEP_RETURN_IF_ERROR(CheckHasVersion(ref));
  MutexLock lock(writing_);
  Versions versions = *Find(ref.name());
  METASTEP_ASSIGN_OR_RETURN(const int64_t version, versions.Require(ref));
  if (remove) {
    versions.labels.erase(label);
  } else {
    versions.labels[label] = version;
    // What no start could read; a version's number may still grow.
    if (IndexOf(versions).size() > kMaxIndexBytes - 64) {
      return absl::ResourceExhaustedError(absl::StrFormat(
          "model %s would have %d labels, more than its index of 1 MiB holds; "
          "remove some",
          ref.name(), versions.labels.size()));
    }
  }
  METASTEP_RETURN_IF_ERROR(WriteIndex(ref.name(), versions));
  v1::ModelInfo info = versions.Info(version);
  Put(ref.name(), std::move(versions));
  return info;
}

absl::Status ModelRegistry::Delete(const v1::ModelRef& ref) {
  METASTEP_RETURN_IF_ERROR(CheckHasVersion(ref));
  MutexLock lock(writing_);
  Versions versions = *Find(ref.name());
  METASTEP_ASSIGN_OR_RETURN(const int64_t version, versions.Require(ref));
  for (const auto& [label, target] : versions.labels) {
    if (target != version) continue;
    return absl::FailedPreconditionError(absl::StrFormat(
        "label \"%s\" points to %s@%d; move or remove the label first", label,
        ref.name(), version));
  }
  // First the number, so that no crash lets it be used again.
  METASTEP_RETURN_IF_ERROR(WriteIndex(ref.name(), versions));
  const fs::path dir = dir_ / ref.name();
  const fs::path temporary = dir / absl::StrCat(kTemporaryPrefix, RandomId());
  METASTEP_RETURN_IF_ERROR(
      RenameDurably(dir / absl::StrCat(version), temporary));
  Discard(temporary);
  versions.models.erase(version);
  Put(ref.name(), std::move(versions));
  LogInfo("model %s@%d is deleted", ref.name(), version);
  return absl::OkStatus();
}

}  // namespace metastep
