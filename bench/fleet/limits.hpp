// What this machine can do at all, measured beside the product.
#pragma once

#include <cstddef>
#include <string>

namespace satchel::bench {

// Seconds of writing one page at a file's end and fdatasync. Each call of once() is one sample.
class DiskLimit {
 public:
  explicit DiskLimit(const std::string& folder);
  ~DiskLimit();
  DiskLimit(const DiskLimit&) = delete;
  DiskLimit& operator=(const DiskLimit&) = delete;
  double once();

 private:
  int file_ = -1;
};

// Bytes a second through one TLS connection on loopback, one thread at each end, writes of 16 KiB.
double tls_bytes_per_second(const std::string& certificate, const std::string& private_key,
                            std::size_t bytes);

// Seconds of one TCP connect and TLS handshake on loopback, both ends; the least of `rounds`.
double tls_connect_seconds(const std::string& certificate, const std::string& private_key,
                           int rounds);

// Seconds of reading a file that the page cache holds, and opening its bytes as AES-256-GCM in
// pieces of `piece` bytes.
double read_and_open_seconds(const std::string& file, std::size_t piece);

// Seconds of reading a file from its begin to its end.
double read_seconds(const std::string& file);

// Seconds of writing a new file of so many bytes in one go, and fdatasync.
double write_seconds(const std::string& folder, std::size_t bytes);

}  // namespace satchel::bench
