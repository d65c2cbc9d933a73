#include "server/session_file.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/digest.h"
#include "base/status_macros.h"
#include "optimizer/model_file.h"
#include "rpc/float_bytes.h"
#include "rpc/float_format.h"
#include "rpc/proto_time.h"
#include "server/tensor_specs.h"

namespace metastep {
namespace {

constexpr char kMagic[] = "metastep session 1\n";
constexpr size_t kLengthSize = sizeof(uint64_t);
constexpr size_t kDigestSize = 64;

absl::string_view BytesOf(const std::vector<float>& floats) {
  return {reinterpret_cast<const char*>(floats.data()),
          floats.size() * sizeof(float)};
}

void AppendRecord(absl::string_view record, std::string& file) {
  const uint64_t size = record.size();
  file.append(reinterpret_cast<const char*>(&size), sizeof(size));
  file.append(record.data(), record.size());
}

absl::Status Damaged(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("not a session file: ", what));
}

absl::StatusOr<absl::string_view> TakeRecord(absl::string_view& rest) {
  uint64_t size = 0;
  if (rest.size() < sizeof(size)) return Damaged("it ends within a length");
  std::memcpy(&size, rest.data(), sizeof(size));
  rest.remove_prefix(sizeof(size));
  if (rest.size() < size) return Damaged("it ends within a record");
  const absl::string_view record = rest.substr(0, size);
  rest.remove_prefix(size);
  return record;
}

// The records' part of a file whose frame is right.
absl::StatusOr<absl::string_view> CheckFrame(absl::string_view file) {
  absl::string_view body = file;
  if (!absl::ConsumePrefix(&body, kMagic)) return Damaged("wrong magic");
  if (body.size() < kDigestSize) return Damaged("it ends early");
  const size_t digested = file.size() - kDigestSize;
  if (Sha256Hex(file.substr(0, digested)) != file.substr(digested)) {
    return Damaged("its SHA-256 differs");
  }
  body.remove_suffix(kDigestSize);
  return body;
}

template <typename Message>
absl::StatusOr<Message> Parse(absl::string_view record) {
  Message message;
  if (!message.ParseFromArray(record.data(), static_cast<int>(record.size()))) {
    return Damaged(absl::StrCat("no ", Message::descriptor()->name()));
  }
  return message;
}

absl::StatusOr<PinnedOptimizer> ReadOptimizer(const v1::Session& session,
                                              absl::string_view model_file) {
  PinnedOptimizer optimizer;
  if (session.has_hand_designed()) {
    optimizer.hand_designed = session.hand_designed();
    return optimizer;
  }
  METASTEP_ASSIGN_OR_RETURN(Model model, DecodeModel(model_file));
  optimizer.model = std::make_shared<const Model>(std::move(model));
  return optimizer;
}

absl::Status CheckState(v1::FloatFormat format, absl::string_view record) {
  if (!v1::FloatFormat_IsValid(format) || format == v1::FLOAT16) {
    return Damaged("its state has an unknown format");
  }
  if (record.size() % BytesPerFloat(format) != 0) {
    return Damaged("its state ends within a number");
  }
  return absl::OkStatus();
}

absl::Status CheckProgress(const SessionProgress& progress,
                           int64_t coordinates) {
  const int64_t updates = static_cast<int64_t>(progress.update.size());
  if (progress.next_step < 1) return Damaged("next_step is below 1");
  if (updates != (progress.next_step == 1 ? 0 : coordinates)) {
    return Damaged("its update has the wrong size");
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeSession(const SessionPlan& plan,
                          const SessionProgress& progress, absl::Time expires) {
  v1::Session session;
  session.set_session_id(plan.session_id);
  session.set_next_step(progress.next_step);
  *session.mutable_opened() = ToTimestamp(plan.opened);
  *session.mutable_ttl() = ToProtoDuration(plan.ttl);
  *session.mutable_expires() = ToTimestamp(expires);
  session.set_state_format(plan.state_format);
  const std::shared_ptr<const Model>& model = plan.optimizer.model;
  if (model == nullptr) {
    *session.mutable_hand_designed() = plan.optimizer.hand_designed;
  }
  v1::OpenSessionRequest request;
  request.set_request_id(plan.request_id);
  *request.mutable_tensors() = ToTensorSpecs(plan.layout);

  const std::string session_record = session.SerializeAsString();
  const std::string request_record = request.SerializeAsString();
  const std::string model_record =
      model == nullptr ? std::string() : EncodeModel(*model);
  const absl::string_view records[] = {session_record, request_record,
                                       model_record, BytesOf(progress.update),
                                       progress.state.bytes()};
  size_t size = sizeof(kMagic) + kDigestSize;
  for (absl::string_view record : records) size += kLengthSize + record.size();
  std::string file = kMagic;
  file.reserve(size);  // a second copy of gigabytes would be made to grow
  for (absl::string_view record : records) AppendRecord(record, file);
  absl::StrAppend(&file, Sha256Hex(file));
  return file;
}

absl::StatusOr<SessionImage> DecodeSession(absl::string_view file) {
  METASTEP_ASSIGN_OR_RETURN(absl::string_view rest, CheckFrame(file));
  METASTEP_ASSIGN_OR_RETURN(const auto session_record, TakeRecord(rest));
  METASTEP_ASSIGN_OR_RETURN(const auto request_record, TakeRecord(rest));
  METASTEP_ASSIGN_OR_RETURN(const auto model_record, TakeRecord(rest));
  METASTEP_ASSIGN_OR_RETURN(const auto update_record, TakeRecord(rest));
  METASTEP_ASSIGN_OR_RETURN(const auto state_record, TakeRecord(rest));
  if (!rest.empty()) return Damaged("something follows its records");
  METASTEP_ASSIGN_OR_RETURN(const v1::Session session,
                            Parse<v1::Session>(session_record));
  METASTEP_ASSIGN_OR_RETURN(const v1::OpenSessionRequest request,
                            Parse<v1::OpenSessionRequest>(request_record));
  METASTEP_ASSIGN_OR_RETURN(ParameterLayout layout,
                            ToLayout(request.tensors()));
  METASTEP_ASSIGN_OR_RETURN(PinnedOptimizer optimizer,
                            ReadOptimizer(session, model_record));
  METASTEP_RETURN_IF_ERROR(CheckState(session.state_format(), state_record));
  SessionProgress progress{
      .next_step = session.next_step(),
      .update = FloatsFromBytes(update_record),
      .state = SessionState(session.state_format(), state_record)};
  METASTEP_RETURN_IF_ERROR(CheckProgress(progress, layout.coordinates()));
  const v1::FloatFormat state_format = progress.state.format();
  return SessionImage{.plan = {.session_id = session.session_id(),
                               .request_id = request.request_id(),
                               .optimizer = std::move(optimizer),
                               .layout = std::move(layout),
                               .state_format = state_format,
                               .opened = FromTimestamp(session.opened()),
                               .ttl = FromProtoDuration(session.ttl())},
                      .progress = std::move(progress),
                      .expires = FromTimestamp(session.expires())};
}

}  // namespace metastep
