#include "server/request_checks.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace metastep {
namespace {

constexpr size_t kMaxIdSize = 128;
// Of a peer's text that an error repeats.
constexpr size_t kMaxQuoted = 80;

}  // namespace

absl::Status CheckId(absl::string_view what, absl::string_view id) {
  if (!id.empty() && id.size() <= kMaxIdSize) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s has %d characters; it needs 1 to %d", what, id.size(), kMaxIdSize));
}

absl::StatusOr<int> PageSize(int asked, int standard, int limit) {
  if (asked < 0 || asked > limit) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "page_size is %d; it must be from 1 to %d", asked, limit));
  }
  return asked == 0 ? standard : asked;
}

absl::StatusOr<int64_t> PageStart(absl::string_view token) {
  int64_t start = 0;
  if (token.empty() || (absl::SimpleAtoi(token, &start) && start >= 0)) {
    return start;
  }
  return BadPageToken(token);
}

absl::Status BadPageToken(absl::string_view token) {
  return absl::InvalidArgumentError(absl::StrCat(
      "page_token \"", absl::CHexEscape(token.substr(0, kMaxQuoted)),
      "\" is not one that a response gave; leave it empty to start over"));
}

absl::Status ServerStops() {
  return absl::UnavailableError("the server is stopping");
}

}  // namespace metastep
