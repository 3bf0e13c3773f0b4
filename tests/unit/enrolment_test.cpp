#include "schema/wire/enrolment.hpp"

#include <gtest/gtest.h>

#include "schema/model/limits.hpp"

namespace satchel::wire {
namespace {

EnrolmentTicket sample() {
  EnrolmentTicket ticket;
  ticket.url = "https://crm.example.org:7443";
  for (std::size_t i = 0; i < 32; ++i) ticket.ca_pin[i] = static_cast<std::uint8_t>(255 - i);
  for (std::size_t i = 0; i < 16; ++i) ticket.secret[i] = static_cast<std::uint8_t>(i * 17);
  ticket.user = "ann";
  ticket.workspace.octets[15] = 9;
  ticket.expires_us = 1'700'000'000'000'000;
  return ticket;
}

TEST(EnrolmentTicket, ComesBackAsItWasWritten) {
  const std::string text = *encode_ticket(sample());
  EXPECT_TRUE(text.starts_with("satchel1."));
  EXPECT_EQ(
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."),
      text.npos);
  EXPECT_EQ(*decode_ticket(text), sample());
  EXPECT_EQ(*decode_ticket("  " + text + "\r\n"), sample());
}

TEST(EnrolmentTicket, EveryLengthOfUserComesBack) {
  EnrolmentTicket ticket = sample();
  for (std::size_t size = 0; size < 8; ++size) {
    ticket.user = std::string(size, 'u');
    EXPECT_EQ(*decode_ticket(*encode_ticket(ticket)), ticket);
  }
}

TEST(EnrolmentTicket, ASlipInAnyLetterIsNoticed) {
  const std::string text = *encode_ticket(sample());
  for (std::size_t at = 9; at < text.size(); ++at) {
    std::string wrong = text;
    wrong[at] = wrong[at] == 'A' ? 'B' : 'A';
    const auto ticket = decode_ticket(wrong);
    ASSERT_FALSE(ticket) << at;
    EXPECT_EQ(ticket.error().code, Errc::kEnrolmentInvalid);
    EXPECT_EQ(ticket.error().context.find(wrong.substr(20, 8)), std::string::npos)
        << "the code is a secret";
  }
}

TEST(EnrolmentTicket, CutOrForeignTextIsRefused) {
  const std::string text = *encode_ticket(sample());
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(decode_ticket(text.substr(0, size))) << size;
  }
  for (const std::string& wrong :
       {text + "A", text + "AAAA", "satchel2." + text.substr(9), text + "=", std::string{" "}}) {
    EXPECT_EQ(decode_ticket(wrong).error().code, Errc::kEnrolmentInvalid);
  }
}

TEST(EnrolmentTicket, UrlsEndAtTheirLimit) {
  EnrolmentTicket ticket = sample();
  ticket.url = std::string(limits::kFrameTextBytesMax, 'u');
  EXPECT_EQ(*decode_ticket(*encode_ticket(ticket)), ticket);
  ticket.url += 'u';
  EXPECT_EQ(encode_ticket(ticket).error().code, Errc::kLimitExceeded);
}

}  // namespace
}  // namespace satchel::wire
