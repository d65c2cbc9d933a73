#include "optimizee/idx.h"

#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kMagicOfBytes = 0x0800;  // plus the number of dimensions

// Bytes that zlib decompresses at a time.
constexpr unsigned kBufferBytes = 128 << 10;

uint32_t DecodeUint32(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 |
         uint32_t{bytes[2]} << 8 | uint32_t{bytes[3]};
}

void AppendUint32(uint32_t value, std::string& bytes) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(value >> shift));
  }
}

// A file read from start to end; zlib passes one that is not gzip through.
// Not thread-safe.
class InputFile {
 public:
  static absl::StatusOr<InputFile> Open(const fs::path& path) {
    const fs::path compressed = path.string() + ".gz";
    std::error_code ignored;
    const bool plain_exists = fs::exists(path, ignored);
    if (!plain_exists && !fs::exists(compressed, ignored)) {
      return absl::NotFoundError(
          absl::StrCat(path.string(), ": expected this file or ",
                       compressed.string(), ", found neither"));
    }
    InputFile input(plain_exists ? path : compressed);
    if (input.file_ == nullptr) {
      return absl::UnavailableError(absl::StrCat(
          "cannot open ", input.path_.string(), ": ", std::strerror(errno)));
    }
    gzbuffer(input.file_.get(), kBufferBytes);
    return input;
  }

  // Fills `bytes`; `what` names them in the message if the file ends before.
  absl::Status Read(absl::string_view what, absl::Span<uint8_t> bytes) {
    METASTEP_ASSIGN_OR_RETURN(const size_t found, ReadUpTo(bytes));
    if (found < bytes.size()) {
      return Error(
          absl::StrFormat("expected %d bytes of %s, found %d: the "
                          "file is truncated",
                          bytes.size(), what, found));
    }
    return absl::OkStatus();
  }

  // Also makes zlib check the sums at the end of a gzip file.
  absl::Status ExpectEnd() {
    uint8_t byte;
    METASTEP_ASSIGN_OR_RETURN(const size_t found,
                              ReadUpTo(absl::MakeSpan(&byte, 1)));
    if (found != 0) {
      return Error(
          "expected the end of the file after the values, found "
          "trailing bytes");
    }
    return absl::OkStatus();
  }

  absl::Status Error(absl::string_view message) const {
    return absl::InvalidArgumentError(
        absl::StrCat(path_.string(), ": ", message));
  }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };

  explicit InputFile(const fs::path& path)
      : path_(path), file_(gzopen(path.c_str(), "rbe")) {}

  absl::StatusOr<size_t> ReadUpTo(absl::Span<uint8_t> bytes) {
    const int found =
        gzread(file_.get(), bytes.data(), static_cast<unsigned>(bytes.size()));
    int code = Z_OK;
    const char* reason = gzerror(file_.get(), &code);
    if (code == Z_ERRNO) {
      return absl::UnavailableError(absl::StrCat("cannot read ", path_.string(),
                                                 ": ", std::strerror(errno)));
    }
    if (found < 0 || code != Z_OK) {
      return Error(absl::StrCat("expected a whole gzip file, found: ", reason));
    }
    return static_cast<size_t>(found);
  }

  fs::path path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

// Errors: InvalidArgument: not an IDX file of `rank` dimensions of bytes.
absl::Status ReadMagic(int rank, InputFile& input) {
  std::array<uint8_t, 4> bytes;
  METASTEP_RETURN_IF_ERROR(input.Read("magic number", absl::MakeSpan(bytes)));
  const uint32_t expected = kMagicOfBytes + static_cast<uint32_t>(rank);
  const uint32_t found = DecodeUint32(bytes.data());
  if (found == expected) return absl::OkStatus();
  return input.Error(
      absl::StrFormat("expected magic number 0x%08x (bytes in %d dimensions), "
                      "found 0x%08x",
                      expected, rank, found));
}

// Reads the dimensions. Errors: InvalidArgument: they hold too many values.
absl::StatusOr<std::vector<int64_t>> ReadShape(int rank, InputFile& input) {
  std::vector<int64_t> shape;
  int64_t values = 1;
  for (int i = 0; i < rank; ++i) {
    std::array<uint8_t, 4> bytes;
    METASTEP_RETURN_IF_ERROR(input.Read("a dimension", absl::MakeSpan(bytes)));
    shape.push_back(DecodeUint32(bytes.data()));
    // At most 2^28 * 2^32: no overflow.
    values *= shape.back();
    if (values > kMaxIdxValues) {
      return input.Error(absl::StrFormat(
          "expected at most %d values, found dimensions %s and more",
          kMaxIdxValues, absl::StrJoin(shape, " x ")));
    }
  }
  return shape;
}

int64_t Product(absl::Span<const int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1},
                         std::multiplies<>());
}

}  // namespace

absl::StatusOr<IdxArray> ReadIdx(const fs::path& path, int rank) {
  METASTEP_ASSIGN_OR_RETURN(InputFile input, InputFile::Open(path));
  METASTEP_RETURN_IF_ERROR(ReadMagic(rank, input));
  IdxArray array;
  METASTEP_ASSIGN_OR_RETURN(array.shape, ReadShape(rank, input));
  array.values.resize(static_cast<size_t>(Product(array.shape)));
  METASTEP_RETURN_IF_ERROR(input.Read("values", absl::MakeSpan(array.values)));
  METASTEP_RETURN_IF_ERROR(input.ExpectEnd());
  return array;
}

absl::Status WriteIdx(const fs::path& path, const IdxArray& array) {
  std::string bytes;
  AppendUint32(kMagicOfBytes + static_cast<uint32_t>(array.shape.size()),
               bytes);
  for (int64_t dimension : array.shape) {
    AppendUint32(static_cast<uint32_t>(dimension), bytes);
  }
  bytes.append(array.values.begin(), array.values.end());
  return WriteFileAtomically(path, bytes);
}

}  // namespace metastep
