#include "server/http_host.h"

#include <httplib.h>
#include <prometheus/text_serializer.h>

#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/message_json.h"
#include "server/web_page.h"

namespace metastep {
namespace {

// A browser asks for five things at a time, Prometheus for one.
constexpr size_t kThreads = 4;
// Requests have no bodies.
constexpr size_t kMaxBody = 1024;
constexpr time_t kTimeoutSeconds = 5;
// The page needs nothing from elsewhere, and must get nothing from there.
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'unsafe-inline'; style-src "
    "'unsafe-inline'; connect-src 'self'; img-src data:; frame-ancestors "
    "'none'";

struct Address {
  std::string host;
  int port = 0;
};

absl::StatusOr<Address> ParseAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  Address address;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(text.substr(colon + 1), &address.port) ||
      address.port < 0 || address.port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is no HOST:PORT, such as 127.0.0.1:9464"));
  }
  address.host = text.substr(0, colon);
  // IPv6 is written in brackets before a port.
  if (address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  return address;
}

// The library's default, SO_REUSEPORT, would let two servers share a port.
void ReuseAddress(socket_t socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

int HttpStatus(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    default:
      return 500;
  }
}

void Answer(const HttpApi& api, const httplib::Request& request,
            httplib::Response& response) {
  const auto message = api(request.params);
  if (message.ok()) {
    response.set_content(MessageJson(**message), "application/json");
  } else {
    response.status = HttpStatus(message.status());
    response.set_content(std::string(message.status().message()), "text/plain");
  }
}

}  // namespace

// Not thread-safe but for the handlers, which run on the server's threads.
class HttpHost::Impl {
 public:
  Impl(const prometheus::Registry& registry,
       const std::map<std::string, HttpApi>& apis) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    server_.set_socket_options(&ReuseAddress);
    // A kept connection would keep its thread while it is idle.
    server_.set_keep_alive_max_count(1);
    server_.set_payload_max_length(kMaxBody);
    server_.set_read_timeout(kTimeoutSeconds);
    server_.set_write_timeout(kTimeoutSeconds);
    server_.set_default_headers({{"Content-Security-Policy", kPolicy},
                                 {"X-Content-Type-Options", "nosniff"},
                                 {"Cache-Control", "no-store"}});
    server_.Get("/", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(kWebPage, "text/html; charset=utf-8");
    });
    server_.Get("/metrics", [&registry](const httplib::Request&,
                                        httplib::Response& response) {
      response.set_content(
          prometheus::TextSerializer().Serialize(registry.Collect()),
          "text/plain; version=0.0.4; charset=utf-8");
    });
    for (const auto& [name, api] : apis) {
      server_.Get("/api/" + name, [api = api](const httplib::Request& request,
                                              httplib::Response& response) {
        Answer(api, request, response);
      });
    }
  }

  ~Impl() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Listen(const std::string& address) {
    METASTEP_ASSIGN_OR_RETURN(const Address at, ParseAddress(address));
    if (at.port == 0) {
      port_ = server_.bind_to_any_port(at.host.c_str());
    } else {
      port_ = server_.bind_to_port(at.host.c_str(), at.port) ? at.port : -1;
    }
    if (port_ < 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on \"", address,
                       "\" for HTTP: the port is taken, or the host is none "
                       "of this machine's"));
    }
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // A stop before the thread has got there would be forgotten.
    while (!server_.is_running()) std::this_thread::yield();
    return absl::OkStatus();
  }

  int port() const { return port_; }

 private:
  httplib::Server server_;
  int port_ = -1;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<HttpHost>> HttpHost::Start(
    const std::string& address, const prometheus::Registry& registry,
    const std::map<std::string, HttpApi>& apis) {
  auto impl = std::make_unique<Impl>(registry, apis);
  METASTEP_RETURN_IF_ERROR(impl->Listen(address));
  return std::unique_ptr<HttpHost>(new HttpHost(std::move(impl)));
}

HttpHost::HttpHost(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpHost::~HttpHost() = default;

int HttpHost::port() const { return impl_->port(); }

}  // namespace metastep
