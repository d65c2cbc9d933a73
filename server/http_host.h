// The server's HTTP side: /metrics for Prometheus, and a page for people, which
// shows what the services list (server/web/index.html).
#ifndef METASTEP_SERVER_HTTP_HOST_H_
#define METASTEP_SERVER_HTTP_HOST_H_

#include <google/protobuf/message.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace metastep {

// The parameters of a URL.
using HttpQuery = std::multimap<std::string, std::string>;

// Answers GET /api/NAME: a message, which is sent as JSON.
using HttpApi =
    std::function<absl::StatusOr<std::unique_ptr<google::protobuf::Message>>(
        const HttpQuery&)>;

// Serves from when it is made until it is destroyed. It changes nothing, and
// whoever reaches the port may read everything. Thread-safe.
class HttpHost {
 public:
  // `address` is "host:port"; port 0 takes a free one. `registry` must outlive
  // it, as must what the functions of `apis` (by name) use.
  // Errors: InvalidArgument: no such address; Unavailable: it cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpHost>> Start(
      const std::string& address, const prometheus::Registry& registry,
      const std::map<std::string, HttpApi>& apis);

  // Waits for the requests that are being answered.
  ~HttpHost();

  int port() const;

 private:
  class Impl;
  explicit HttpHost(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_HTTP_HOST_H_
