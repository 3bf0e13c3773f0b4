#include <future>
#include <sstream>
#include <thread>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>

#include "crypto/certificate.hpp"
#include "schema/model/limits.hpp"
#include "server/admin/importer.hpp"
#include "server/app/writer.hpp"
#include "server/ctl/csv.hpp"
#include "server/net/listener.hpp"
#include "server/net/tls.hpp"
#include "tests/limits/probe.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

namespace net = boost::asio;
using namespace std::chrono_literals;
using server::ConnectionBudget;
using server::Response;

// A listener of the server's own, on a free port of loopback, that answers every request it is
// handed with 200.
class Front {
 public:
  Front() {
    const auto authority = crypto::make_authority("front", std::time(nullptr));
    const std::vector<std::string> hosts{"localhost"};
    const auto pair = crypto::make_server_certificate(*authority, hosts, std::time(nullptr));
    const std::string key{pair->private_key.bytes()};
    auto tls = server::make_tls_context(pair->certificate, key);
    SATCHEL_ASSERT(tls.has_value());
    auto opened = server::Listener::open(
        io_, "127.0.0.1", 0,
        {.tls = *tls,
         .workers = workers_.get_executor(),
         .http = [](server::Request&) { return server::json_response(200, "{}"); },
         .sync = {},
         .log =
             [this](std::string_view event, const std::string& detail) {
               if (event == "connection_refused") refused_.set_value(detail);
             },
         .tasks = tasks_},
        budget);
    SATCHEL_ASSERT(opened.has_value());
    listener_ = std::move(*opened);
    listener_->start();
    thread_ = std::thread{[this] { io_.run(); }};
  }
  ~Front() {
    listener_->stop(1001);
    tasks_.wait_for(5s);
    io_.stop();
    thread_.join();
  }
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  // Whether one more connection is let in, or what was said of it.
  Status connect() {
    const std::size_t before = budget.taken();
    net::ip::tcp::socket socket{client_};
    socket.connect({net::ip::make_address("127.0.0.1"), listener_->port()});
    auto refusal = refused_.get_future();
    for (int i = 0; i < 500; ++i) {
      if (budget.taken() > before) return {};
      if (refusal.wait_for(10ms) == std::future_status::ready)
        return Error{Errc::kBackpressure, refusal.get()};
    }
    return Error{Errc::kTimeout};
  }

  // Sends raw bytes over TLS; an answer other than 200 is the Error that its problem names.
  Status exchange(const std::string& request) {
    net::ssl::context trust{net::ssl::context::tls_client};
    net::ssl::stream<net::ip::tcp::socket> stream{client_, trust};
    stream.next_layer().connect({net::ip::make_address("127.0.0.1"), listener_->port()});
    stream.handshake(net::ssl::stream_base::client);
    boost::system::error_code ignored;
    // An answer may come, and the connection end, before all is sent.
    net::write(stream, net::buffer(request), ignored);
    std::string answer;
    net::read(stream, net::dynamic_buffer(answer), ignored);
    if (answer.starts_with("HTTP/1.1 200 ")) return {};
    const bool limit = answer.find("\"code\":\"limit_exceeded\"") != std::string::npos;
    return Error{limit ? Errc::kLimitExceeded : Errc::kHttpRefused, answer};
  }

  ConnectionBudget budget{limits::kConnectionsMax};

 private:
  net::io_context io_;
  net::io_context client_;
  net::thread_pool workers_{1};
  server::TaskGroup tasks_{[] {}};
  std::promise<std::string> refused_;
  std::shared_ptr<server::Listener> listener_;
  std::thread thread_;
};

Status http_header(std::size_t size) {
  std::string request = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: ";
  request.append(size - request.size() - 4, 'x');
  Front front;
  return front.exchange(request + "\r\n\r\n");
}
Status http_body(std::size_t size) {
  const std::string head = "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ";
  Front front;
  return front.exchange(head + std::to_string(size) + "\r\n\r\n" + std::string(size, 'b'));
}
// All but the last are taken by hand; the last one is a connection.
Status connections(std::size_t count) {
  Front front;
  for (std::size_t i = 0; i + 1 < count; ++i)
    if (!front.budget.take()) return Error{Errc::kInternal, "the budget is smaller than its limit"};
  return front.connect();
}

Status queued(std::size_t count) {
  Office office;
  server::Writer writer{*office.hub, {.after_commit = [] {}, .on_latched = [](const Error&) {}}};
  std::promise<void> entered;
  std::promise<void> gate;
  server::Writer::Job hold{.run = [&](sync::HubTxn&) -> Status {
                             entered.set_value();
                             gate.get_future().wait();
                             return {};
                           },
                           .done = [](const Status&) {},
                           .alone = true};
  SATCHEL_ASSERT(writer.try_submit(hold));
  entered.get_future().wait();
  for (std::size_t i = 0; i + 1 < count; ++i) {
    server::Writer::Job job{.run = [](sync::HubTxn&) -> Status { return {}; },
                            .done = [](const Status&) {},
                            .alone = false};
    SATCHEL_ASSERT(writer.try_submit(job));
  }
  // The last one comes as the server's routes come; where there is room it waits for its turn.
  auto last = std::async(std::launch::async,
                         [&] { return writer.run([](sync::HubTxn&) { return Status{}; }); });
  last.wait_for(200ms);
  gate.set_value();
  return last.get();
}

Status csv_row(std::size_t size) {
  std::istringstream in{std::string(size - 1, 'x') + "\n"};
  server::TextSource source{in};
  server::CsvReader reader{source};
  server::CsvReader::Row row;
  SATCHEL_TRY(status_of(reader.next(row)));
  if (!row.trouble) return {};
  return Error{row.trouble->code, row.trouble->reason};
}

Status import_row(std::size_t size) {
  const std::size_t around = server::import_row_text({1, "k", {{0, ""}}})->size();
  return status_of(server::import_row_text({1, "k", {{0, std::string(size - around, 'x')}}}));
}
Status import_batch(std::size_t rows) {
  Bytes text = server::import_fields_text({{"name"}});
  for (std::size_t i = 0; i < rows; ++i) text += *server::import_row_text({i, "k", {}});
  return status_of(server::parse_import_rows(text));
}

}  // namespace

LimitProbes server_probes() {
  return {
      {"kHttpHeaderBytesMax", "listener", http_header, Errc::kLimitExceeded,
       "the header is larger than its limit"},
      {"kHttpBodyBytesMax", "listener", http_body, Errc::kLimitExceeded,
       "the body is larger than its limit"},
      {"kConnectionsMax", "listener", connections, Errc::kBackpressure,
       "the limit of open connections is reached"},
      {"kWriterQueueMax", "writer", queued, Errc::kBackpressure, "the writer's queue is full"},
      {"kImportRowBytesMax", "import", import_row, Errc::kLimitExceeded, "what a row writes"},
      {"kImportBatchRowsMax", "import", import_batch, Errc::kLimitExceeded, "rows"},
      {"kImportLineBytesMax", "CSV", csv_row, Errc::kLimitExceeded, "a row is too long"},
  };
}

}  // namespace satchel::test
